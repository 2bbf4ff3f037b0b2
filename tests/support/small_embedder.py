"""An embedder that needs no model: texts with equal words have near vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from aigw.core.retrieval import Purpose, RetrievalError

DIMENSION = 64


class SmallEmbedder:
    """`embedded` is how many texts it was given, in all calls."""

    def __init__(self, name: str = "small") -> None:
        self.name = name
        self.window = 64
        self.embedded = 0

    async def dimension(self) -> int:
        return DIMENSION

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Any:
        self.embedded += len(texts)
        rows = np.zeros((len(texts), DIMENSION), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or ["-"]:
                row[int.from_bytes(blake2b(word.encode(), digest_size=2).digest()) % DIMENSION] += 1.0
        return rows / np.linalg.norm(rows, axis=1, keepdims=True) if len(rows) else rows

    def count(self, text: str) -> int:
        return len(text.split())


class SmallEmbedders:
    """An `Embedders` that knows `small` and `other`."""

    def __init__(self) -> None:
        self.all = {name: SmallEmbedder(name) for name in ("small", "other")}

    def get(self, name: str) -> SmallEmbedder:
        if name not in self.all:
            raise RetrievalError(f"there is no embedder {name}")
        return self.all[name]

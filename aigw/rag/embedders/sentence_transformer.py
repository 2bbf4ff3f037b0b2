"""`st:NAME`: any model of sentence-transformers, by its folder or by its name at the Hugging Face hub.

Rules: nothing is downloaded unless the user asked for it; without a network, a look at the hub takes over a minute.
The name of a folder has a digest of its files, because another model may be put in its place."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import Purpose, RetrievalError
from aigw.rag.embedders.model_folder import identified
from aigw.rag.embedders.openmp import waiting_idly

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

KIND = "st:"
LONGEST = 8192
"""How many tokens are read of a text at most, whatever the model says."""
DOWNLOAD = "`rag: {download: true}` in aigw.yaml lets aigw fetch it from the hub"


class SentenceTransformerModel:
    """A `Model`. It must be loaded before it can tell its window."""

    def __init__(self, name: str, *, download: bool) -> None:
        """`name` is st:NAME. Raises RetrievalError if there is no such folder, or another model in it."""
        self._place, self.name = identified(name.removeprefix(KIND), KIND)
        self._download = download
        self._loading = threading.Lock()

    @property
    def window(self) -> int:
        transformer = self._loaded()
        read = min(transformer.max_seq_length or LONGEST, LONGEST)
        return int(read) - int(transformer.tokenizer.num_special_tokens_to_add(False))

    def dimension(self) -> int:
        return int(self.encode(["dimension"], "query").shape[1])

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        before = self._prefix(purpose)
        return encode(self._loaded(), [before + text for text in texts], purpose)

    def count(self, text: str) -> int:
        return len(self._loaded().tokenizer.encode(text, add_special_tokens=False))

    def _prefix(self, purpose: Purpose) -> str:
        """Returns the prefix that models of the family E5 need before a text, though most do not state it in their
        files."""
        told = any(self._loaded().prompts.values())
        return f"{purpose}: " if "e5-" in self.name.lower() and "instruct" not in self.name and not told else ""

    def _loaded(self) -> Any:
        with self._loading:
            return self._transformer

    @cached_property
    def _transformer(self) -> Any:
        return load(self._place, download=self._download)


def load(place: str, *, download: bool) -> Any:
    """Returns a SentenceTransformer. `place` is a folder or a name at the hub. Takes some seconds."""
    if not download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the import, which reads it
    with waiting_idly():
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

    silent: Any = logging
    silent.set_verbosity_error()
    silent.disable_progress_bar()
    try:
        return SentenceTransformer(place, local_files_only=not download)
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError, ImportError) as error:
        (said, *_) = str(error).splitlines() or [""]
        remedy = "" if download or Path(place).is_absolute() else f"; {DOWNLOAD}"
        raise RetrievalError(f"sentence-transformers cannot load {place}: {said}{remedy}") from None


def encode(model: Any, texts: Sequence[str], purpose: Purpose) -> Vectors:
    ask = model.encode_query if purpose == "query" else model.encode_document
    vectors: Vectors = ask(list(texts), batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False)
    return vectors

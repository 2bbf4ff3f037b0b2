"""Loads models of sentence-transformers and embeds with them.

Rule: nothing is downloaded unless the user asked for it; without a network, a look at the hub takes over a minute."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aigw.core.retrieval import Purpose, RetrievalError

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors


def load(name: str, *, download: bool) -> Any:
    """Returns a SentenceTransformer. `name` is a folder or a name at the hub. Takes some seconds."""
    if not download:
        os.environ["HF_HUB_OFFLINE"] = "1"  # before the import, which reads it
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    quiet: Any = logging.disable_progress_bar
    quiet()
    try:
        return SentenceTransformer(name)
    except (OSError, ValueError, RuntimeError) as error:
        raise RetrievalError(f"{name} cannot be loaded by sentence-transformers: {error}") from None


def encode(model: Any, texts: Sequence[str], purpose: Purpose) -> Vectors:
    ask = model.encode_query if purpose == "query" else model.encode_document
    vectors: Vectors = ask(list(texts), batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False)
    return vectors

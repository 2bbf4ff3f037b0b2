"""Which store of collections is meant by `rag.store`.

Rule: only the one that is meant is loaded, and nothing is opened before it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aigw.core.retrieval import LocalCollections

LOCAL = "local"


def collections_in(
    store: str, folder: Path | None, tell: Callable[[str], None] | None = None
) -> LocalCollections | None:
    """LOCAL is in this folder, of which there may be none; anything else is the URL of a Milvus. `tell` gets a sentence
    where a writer waits for another one. Raises RetrievalError if there can be no such store."""
    if store == LOCAL:
        from aigw.stores.faiss.collections import FaissCollections

        return None if folder is None else FaissCollections(folder, tell=tell)
    from aigw.stores.milvus.address import parse
    from aigw.stores.milvus.collections import MilvusCollections

    return MilvusCollections(parse(store))

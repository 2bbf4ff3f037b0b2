"""Which store of collections is meant by `rag.store`.

Rule: only the one that is meant is loaded, and nothing is opened before it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aigw.core.retrieval import Collections


def collections_in(store: str, folder: Path, *, tell: Callable[[str], None] | None = None) -> Collections:
    """`local` is in this folder, anything else the URL of a Milvus. `tell` gets a sentence if a change has to wait for
    another process; it is called in a thread. Raises RetrievalError if the URL names none."""
    if store == "local":
        from aigw.stores.faiss.collections import FaissCollections

        return FaissCollections(folder, tell=tell)
    from aigw.stores.milvus.address import parse
    from aigw.stores.milvus.collections import MilvusCollections

    return MilvusCollections(parse(store))

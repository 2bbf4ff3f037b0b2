"""What all stores of collections have in common: the names and vectors that they accept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aigw.core.retrieval import CollectionInfo, RetrievalError

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}", re.ASCII)


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raises RetrievalError for what cannot be the name of a collection."""
    if not is_name(name):
        raise RetrievalError(
            f"{name[:80]!r} cannot be the name of a collection: use up to 64 of a-z, A-Z, 0-9, - _ or ., no . first"
        )


def check(info: CollectionInfo) -> None:
    """Raises RetrievalError for what cannot be a collection."""
    check_name(info.name)
    if not 1 <= info.dimension <= 20_000:
        raise RetrievalError(f"the collection {info.name} cannot have vectors of {info.dimension} numbers: 1 to 20000")
    if info.metric not in ("cosine", "euclidean", "dotproduct"):
        raise RetrievalError(f"the collection {info.name} cannot have the metric {info.metric}")


def fitting(info: CollectionInfo, vectors: Vectors, count: int) -> Vectors:
    """Returns the vectors in the collection's form. Raises RetrievalError if they are not `count` vectors of its
    dimension."""
    import numpy as np

    rows = np.ascontiguousarray(vectors, np.float32)
    if rows.ndim != 2 or len(rows) != count:
        raise RetrievalError(f"{count} passages want as many vectors, and got an array of the shape {rows.shape}")
    if rows.shape[1] != info.dimension:
        whose = f" by {info.embedder}" if info.embedder else ""
        anew = f"; `aigw rag reindex -n {info.name}` makes it anew with another embedder" if info.embedder else ""
        raise RetrievalError(
            f"the collection {info.name} has vectors of {info.dimension} numbers{whose}, not of {rows.shape[1]}{anew}"
        )
    if not np.isfinite(rows).all():
        raise RetrievalError("a vector holds a number that is not finite")
    return rows

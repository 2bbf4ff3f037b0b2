"""The vectors of sources that are being embedded, in a file: an ingest of hours that is stopped goes on where it was.

Rule: a vector is known by the text that was embedded, and by the embedder. What a killed process has half written does
not count. The file is gone once all that it has is in the collection."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aigw.core.retrieval import CollectionInfo
from aigw.stores.private import make_folder, open_file

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

log = logging.getLogger("aigw")

T = TypeVar("T")

FOLDER = "rag-unfinished"
"""The folder below the state folder. It has a file for each collection."""
_KEY = 16
"""How many bytes the digest of a text has."""
_UNIT = 1e-3
"""How far the length of a vector may be from 1."""


class UnfinishedVectors:
    """The vectors of one collection. Only the process that ingests into it uses the file. If the file cannot be used,
    nothing is kept, and the log says why."""

    def __init__(self, path: Path, collection: CollectionInfo) -> None:
        self._path = path
        self._dimension = collection.dimension
        self._head = _digest(f"{collection.embedder} {collection.dimension}")
        self._earlier: dict[bytes, Vectors] | None = None
        self._usable = True

    def take(self, texts: Sequence[str]) -> dict[int, Vectors]:
        """The vectors of those texts that an earlier ingest has embedded, by their places."""
        if self._earlier is None:
            self._earlier = self._attempt(self._read) or {}
        if not self._earlier:
            return {}
        found = {place: key for place, key in enumerate(map(_digest, texts)) if key in self._earlier}
        taken = {place: self._earlier[key] for place, key in found.items()}
        for key in found.values():
            self._earlier.pop(key, None)
        return taken

    def add(self, texts: Sequence[str], vectors: Vectors) -> None:
        rows = [_digest(text) + vector.astype("<f4").tobytes() for text, vector in zip(texts, vectors, strict=True)]
        self._attempt(lambda: self._append(rows))

    def clear(self, *, everything: bool = False) -> None:
        """Without `everything` the file stays if somebody may still want what an earlier ingest has left."""
        if everything or not self._earlier:
            self._attempt(lambda: self._path.unlink(missing_ok=True))

    def _attempt(self, use: Callable[[], T]) -> T | None:
        if self._usable:
            try:
                return use()
            except OSError as error:
                self._usable = False
                log.warning("an ingest that is stopped here begins its source anew: %s", error)
        return None

    def _append(self, rows: Sequence[bytes]) -> None:
        make_folder(self._path.parent)
        with os.fdopen(open_file(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab", 0) as file:
            file.write(b"".join(rows if file.tell() else [self._head, *rows]))

    def _read(self) -> dict[bytes, Vectors]:
        """Cuts off what is only half there, so that more can be added."""
        import numpy as np

        row = np.dtype([("key", f"V{_KEY}"), ("vector", "<f4", self._dimension)])
        try:
            with os.fdopen(open_file(self._path, os.O_RDWR), "rb+") as file:
                rows = np.fromfile(file, row) if file.read(_KEY) == self._head else np.empty(0, row)
                file.truncate(_KEY + len(rows) * row.itemsize if len(rows) else 0)
        except FileNotFoundError:
            return {}
        whole = rows[abs(np.linalg.norm(rows["vector"], axis=1) - 1) < _UNIT]
        return dict(zip(map(bytes, whole["key"]), whole["vector"], strict=True))


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="replace"), digest_size=_KEY).digest()

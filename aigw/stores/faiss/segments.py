"""The vectors of a collection: immutable files of FAISS, in which the number of a row is its place. They are mapped
into memory.

Rule: the manifest has the hash of each file. A file that may have changed since it was written is checked by its hash
before FAISS reads it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from aigw.core.retrieval import Metric, RetrievalError
from aigw.stores.private import StrangeFileError, refuse_strange_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import Vectors

SUFFIX = ".faiss"
UNFINISHED = ".tmp"


class SegmentFile(NamedTuple):
    """A segment as the manifest names it. `probes` is how many of its lists a search looks at."""

    number: int
    file: str
    size: int
    modified: int
    sha256: str
    kind: str
    rows: int
    probes: int


class Allowed(NamedTuple):
    """Some rows of a segment, as one bit for each row, and how many they are."""

    bits: NDArray[np.uint8]
    rows: int

    @classmethod
    def of(cls, chosen: NDArray[np.bool_]) -> Allowed:
        return cls(np.packbits(chosen, bitorder="little"), int(np.count_nonzero(chosen)))


class MissingSegmentError(RetrievalError):
    """The file of a segment is not there: another process has merged it meanwhile, or somebody has deleted it."""


def remove(folder: Path, files: Iterable[str]) -> None:
    """Deletes files that no manifest names any more. What cannot be deleted now is an orphan for the next writer."""
    for file in files:
        try:
            (folder / file).unlink(missing_ok=True)
        except PermissionError:  # on Windows, while somebody has mapped it
            continue


def orphans(folder: Path, named: Iterable[str]) -> list[str]:
    there = {each.name for each in folder.iterdir() if each.name.endswith((SUFFIX, SUFFIX + UNFINISHED))}
    return sorted(there - set(named))


class Segment:
    """A segment that is searched. `keys` are those of its rows, and grow; `languages` and `partitions` are numbers that
    the manifest explains."""

    def __init__(
        self,
        folder: Path,
        name: str,
        said: SegmentFile,
        metric: Metric,
        keys: NDArray[np.int64],
        languages: NDArray[np.uint8],
        partitions: NDArray[np.int32],
    ) -> None:
        self.said = said
        self.metric = metric
        self.keys = keys
        self.languages = languages
        self.partitions = partitions
        self._path = folder / said.file
        self._name = name
        self._opening = threading.Lock()
        self._index: Any = None
        self._stamp = (said.size, said.modified)
        """Size and time of the file as it was when it was last known to be right."""

    def search(self, vector: Vectors, top: int, allowed: Allowed | None) -> tuple[Vectors, NDArray[np.int64]]:
        """The scores and keys of the nearest rows among those that are allowed (None: all)."""
        index = self._open()
        if allowed is not None and not allowed.rows:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        scores, rows = index.search(vector[None], min(top, self.said.rows), params=self._parameters(index, allowed))
        found = rows[0] >= 0
        return scores[0][found], self.keys[rows[0][found]]

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """Returns the kept vectors of these rows, which may be compressed."""
        index = self._open()
        with self._opening:
            if self.said.probes and index.direct_map.no():
                index.make_direct_map()
        found: Vectors = index.reconstruct_batch(rows)
        return found

    def check(self) -> None:
        """Raises RetrievalError if the file is not the one that was written."""
        self._stamp = (-1, -1)
        self._open()

    def _parameters(self, index: Any, allowed: Allowed | None) -> Any:
        """The fewer rows are allowed, the more lists are looked at, so that enough of them are met."""
        import faiss

        selector = None if allowed is None else faiss.IDSelectorBitmap(allowed.bits)
        if not self.said.probes:
            return faiss.SearchParameters(sel=selector)
        share = 1.0 if allowed is None else allowed.rows / self.said.rows
        return faiss.SearchParametersIVF(sel=selector, nprobe=min(index.nlist, int(self.said.probes / share) + 1))

    def _open(self) -> Any:
        import faiss

        with self._opening:
            stamp = self._look()
            if self._index is None or stamp != self._stamp:
                try:
                    if stamp != self._stamp and _digest(self._path) != self.said.sha256:
                        raise RetrievalError(f"the file {self._path} is damaged; {_remedy(self._name)}")
                    self._index = faiss.read_index(str(self._path), faiss.IO_FLAG_MMAP_IFC)
                except (RuntimeError, OSError) as error:
                    self._look()  # another process may have taken it away since
                    raise RetrievalError(
                        f"the file {self._path} cannot be read ({error}); {_remedy(self._name)}"
                    ) from None
                self._stamp = stamp
        return self._index

    def _look(self) -> tuple[int, int]:
        try:
            refuse_strange_file(self._path)
            status = self._path.stat()
        except StrangeFileError as error:
            raise RetrievalError(f"{error}; then {_remedy(self._name)}") from None
        except FileNotFoundError:
            raise MissingSegmentError(f"the file {self._path} is missing; {_remedy(self._name)}") from None
        return status.st_size, status.st_mtime_ns


def _remedy(name: str) -> str:
    return f"`aigw rag repair -n {name}` makes it again"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

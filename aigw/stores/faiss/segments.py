"""The vectors of a collection: immutable files of FAISS, in which the number of a row is its place.

Rule: a file is written whole under another name, synced, and renamed; the manifest then names it with its hash. A file
that has changed since is hashed again before FAISS reads it."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from aigw.core.retrieval import Metric, RetrievalError
from aigw.stores.private import StrangeFileError, open_file, refuse_strange_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigw.core.retrieval import Vectors

SUFFIX = ".faiss"
UNFINISHED = ".tmp"
FLAT_ROWS = 20_000
"""Up to this many rows a segment keeps the vectors as they are: a search takes about a millisecond."""
SCALAR_ROWS = 80_000
"""Up to this many rows it keeps 8 bits a number and looks at all of them; beyond, at the nearest of its lists."""
_WRITE_BYTES = 1 << 20
_TRAINING_ROWS = 131_072
_PROBES = 16


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


class MissingSegmentError(RetrievalError):
    """The file of a segment is not there: another process has merged it meanwhile, or somebody has deleted it."""


def write(
    folder: Path, metric: Metric, rows: int, blocks: Callable[[], Iterable[Vectors]], sample: Vectors
) -> SegmentFile:
    """Writes a segment of all rows of the blocks. The number is not known yet. `sample` is what they are like."""
    kind, probes, index = _empty(metric, rows, sample)
    for block in blocks():
        index.add(block)
    file = secrets.token_hex(8) + SUFFIX
    digest, status = _write(folder, file, index)
    return SegmentFile(0, file, status.st_size, status.st_mtime_ns, digest, kind, rows, probes)


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
        keys: NDArray[np.int64],
        languages: NDArray[np.uint8],
        partitions: NDArray[np.int32],
    ) -> None:
        self.said = said
        self.keys = keys
        self.languages = languages
        self.partitions = partitions
        self._path = folder / said.file
        self._name = name
        self._opening = threading.Lock()
        self._index: Any = None
        self._stamp = (said.size, said.modified)
        """Size and time of the file as it was when it was last known to be right."""

    def search(self, vector: Vectors, top: int, allowed: NDArray[np.bool_] | None) -> tuple[Vectors, NDArray[np.int64]]:
        """The scores and keys of the nearest rows among those that are allowed (None: all)."""
        import faiss

        index = self._open()
        selector = None
        share = 1.0
        if allowed is not None:
            count = int(np.count_nonzero(allowed))
            if not count:
                return np.empty(0, np.float32), np.empty(0, np.int64)
            share = count / len(allowed)
            selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        scores, rows = index.search(
            vector[None], min(top, self.said.rows), params=self._parameters(index, selector, share)
        )
        found = rows[0] >= 0
        return scores[0][found], self.keys[rows[0][found]]

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """What is kept of the vectors of these rows."""
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

    def _parameters(self, index: Any, selector: Any, share: float) -> Any:
        """The fewer rows are allowed, the more lists are looked at, so that enough of them are met."""
        import faiss

        if not self.said.probes:
            return faiss.SearchParameters(sel=selector)
        return faiss.SearchParametersIVF(sel=selector, nprobe=min(index.nlist, int(self.said.probes / share) + 1))

    def _open(self) -> Any:
        import faiss

        with self._opening:
            stamp = self._look()
            if self._index is None or stamp != self._stamp:
                if stamp != self._stamp and _digest(self._path) != self.said.sha256:
                    raise RetrievalError(f"the file {self._path} is damaged; {_remedy(self._name)}")
                try:
                    self._index = faiss.read_index(str(self._path), faiss.IO_FLAG_MMAP_IFC)
                except RuntimeError as error:
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
    return f"`aigw rag repair {name}` makes it again"


def _empty(metric: Metric, rows: int, sample: Vectors) -> tuple[str, int, Any]:
    """The kind of a segment with so many rows, how many lists a search looks at, and its index without rows."""
    import faiss

    measure = faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
    dimension = sample.shape[1]
    if rows <= FLAT_ROWS:
        return "flat", 0, faiss.IndexFlat(dimension, measure)
    if rows <= SCALAR_ROWS:
        index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, measure)
        index.train(sample)
        return "sq8", 0, index
    lists = _lists(rows)
    coarse = faiss.IndexFlat(dimension, measure)
    inverted = faiss.IndexIVFScalarQuantizer(coarse, dimension, lists, faiss.ScalarQuantizer.QT_8bit, measure)
    inverted.cp.niter = 10
    inverted.cp.max_points_per_centroid = _TRAINING_ROWS // lists
    inverted.train(sample[:_TRAINING_ROWS])
    return f"ivf{lists},sq8", min(_PROBES, lists), inverted


def _lists(rows: int) -> int:
    """About two times the square root, as a power of two, at most 2048."""
    return int(min(2048, 1 << round(float(np.log2(2 * rows**0.5)))))


def _write(folder: Path, file: str, index: Any) -> tuple[str, os.stat_result]:
    import faiss

    unfinished = folder / (file + UNFINISHED)
    hashed = hashlib.sha256()
    with os.fdopen(open_file(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb", _WRITE_BYTES) as out:

        def put(data: bytes) -> int:
            hashed.update(data)
            return out.write(data)

        faiss.write_index(index, faiss.PyCallbackIOWriter(put, _WRITE_BYTES))
        out.flush()
        os.fsync(out.fileno())
        status = os.fstat(out.fileno())
    unfinished.rename(folder / file)
    sync_folder(folder)
    return hashed.hexdigest(), status


def sync_folder(folder: Path) -> None:
    """Makes a rename last."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

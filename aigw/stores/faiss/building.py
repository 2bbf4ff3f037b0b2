"""Makes segments: chooses how vectors are kept by how many they are, and writes the file.

Rule: before a manifest names it, a file is written whole under another name, synced and renamed, and the folder
synced."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigw.core.retrieval import Metric
from aigw.stores.faiss.segments import SUFFIX, UNFINISHED, SegmentFile
from aigw.stores.private import open_file

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

Blocks = Callable[[], Iterable["Vectors"]]
"""Gives all vectors, some thousands at a time."""
BLOCK_ROWS = 16_384
FLAT_ROWS = 20_000
"""Up to this many rows a segment keeps the vectors as they are: a search takes about a millisecond."""
SCALAR_ROWS = 80_000
"""Up to this many rows it keeps 8 bits a number and looks at all of them; beyond, at the nearest of its lists."""
SAMPLE_ROWS = 131_072
"""How many rows are enough to train an index."""
_MOST_LISTS = 2048
_ROUNDS = 10
_PROBES = (8, 16, 32, 64, 128, 256)
_AGREEMENT = 0.995
"""The share of the results of a search in all lists that a search in some of them must find."""
_QUESTIONS = 64
_NEAREST = 10
_NOISE = 0.5
"""The distance of a question from its nearest vector, as a share of the length."""
_WRITE_BYTES = 1 << 20


def write(folder: Path, metric: Metric, rows: int, blocks: Blocks, sample: Vectors) -> SegmentFile:
    """Writes a segment. Its number is not known yet. `sample` is what the vectors are like: SAMPLE_ROWS of them, or
    all. Raises OSError."""
    kind, index = _trained(metric, rows, sample)
    for block in blocks():
        index.add(block)
    probes = 0
    if kind.startswith("ivf") and not (probes := _probes(index, sample)):
        kind, index = "sq8", _scalar(metric, sample)
        for block in blocks():
            index.add(block)
    file = secrets.token_hex(8) + SUFFIX
    digest, status = _write(folder, file, index)
    return SegmentFile(0, file, status.st_size, status.st_mtime_ns, digest, kind, rows, probes)


def _trained(metric: Metric, rows: int, sample: Vectors) -> tuple[str, Any]:
    """The kind of a segment with so many rows, and its index without them."""
    import faiss

    faiss.omp_set_num_threads(max(1, (os.cpu_count() or 1) - 1))  # others go on meanwhile
    if rows <= FLAT_ROWS:
        return "flat", faiss.IndexFlat(sample.shape[1], _measure(metric))
    if rows <= SCALAR_ROWS:
        return "sq8", _scalar(metric, sample)
    lists = min(_MOST_LISTS, 1 << round(float(np.log2(2 * rows**0.5))))
    coarse = faiss.IndexFlat(sample.shape[1], _measure(metric))
    quantizer = faiss.ScalarQuantizer.QT_8bit
    index = faiss.IndexIVFScalarQuantizer(coarse, sample.shape[1], lists, quantizer, _measure(metric))
    index.cp.niter = _ROUNDS
    index.cp.max_points_per_centroid = SAMPLE_ROWS // lists
    index.train(sample)
    return f"ivf{lists},sq8", index


def _scalar(metric: Metric, sample: Vectors) -> Any:
    import faiss

    index = faiss.IndexScalarQuantizer(sample.shape[1], faiss.ScalarQuantizer.QT_8bit, _measure(metric))
    index.train(sample)
    return index


def _measure(metric: Metric) -> Any:
    import faiss

    return faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT


def _probes(index: Any, sample: Vectors) -> int:
    """Returns how many lists a search must look at. 0 means that lists are of no use, because the vectors form no
    clusters."""
    import faiss

    draw = np.random.default_rng(0)
    near = sample[draw.permutation(len(sample))[:_QUESTIONS]]
    noise = draw.standard_normal(near.shape, np.float32) * (_NOISE / near.shape[1] ** 0.5)
    questions = near + noise * np.linalg.norm(near, axis=1, keepdims=True)
    _, best = index.search(questions, _NEAREST, params=faiss.SearchParametersIVF(nprobe=index.nlist))
    for probes in _PROBES:
        if 4 * probes > index.nlist:
            break
        _, found = index.search(questions, _NEAREST, params=faiss.SearchParametersIVF(nprobe=probes))
        same = sum(len(np.intersect1d(*pair)) for pair in zip(best, found, strict=True))
        if same >= _AGREEMENT * best.size:
            return probes
    return 0


def _write(folder: Path, file: str, index: Any) -> tuple[str, os.stat_result]:
    import faiss

    unfinished = folder / (file + UNFINISHED)
    hashed = hashlib.sha256()
    try:
        with os.fdopen(open_file(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb", _WRITE_BYTES) as out:

            def put(data: bytes) -> int:
                hashed.update(data)
                return out.write(data)

            faiss.write_index(index, faiss.PyCallbackIOWriter(put, _WRITE_BYTES))
            out.flush()
            os.fsync(out.fileno())
            status = os.fstat(out.fileno())
        unfinished.rename(folder / file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return hashed.hexdigest(), status


def sync_folder(folder: Path) -> None:
    """Writes a folder to the disk, so that a rename in it lasts."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

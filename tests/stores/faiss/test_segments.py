"""Files of vectors: what kind they are, and that nothing but what was written is read."""

import hashlib
import stat

import numpy as np
import pytest

from aigw.core.retrieval import RetrievalError
from aigw.stores.faiss import building, segments
from aigw.stores.faiss.segments import Allowed, MissingSegmentError, Segment


def clustered(rows, dimension=16, seed=0):
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((200, dimension), np.float32)
    vectors = centres[draw.integers(0, 200, rows)] + 0.3 * draw.standard_normal((rows, dimension), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def written(folder, vectors, metric="cosine"):
    said = building.write(folder, metric, len(vectors), lambda: (vectors[:7], vectors[7:]), vectors)
    rows = len(vectors)
    return Segment(
        folder,
        "docs",
        said,
        metric,
        np.arange(rows, dtype=np.int64) * 2,
        np.zeros(rows, np.uint8),
        np.ones(rows, np.int32),
    )


@pytest.mark.parametrize(("rows", "kind"), [(10, "flat"), (20_001, "sq8"), (80_001, "ivf512,sq8")])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_kinds(tmp_path, rows, kind, metric):
    vectors = clustered(rows)
    segment = written(tmp_path, vectors, metric)
    assert segment.said.kind == kind
    hits = [row for row in range(0, rows, rows // 10) if 2 * row in segment.search(vectors[row], 3, None)[1]]
    assert len(hits) >= 9
    some = np.array([3, 7])
    assert np.allclose(segment.vectors(some), vectors[some], atol=0.02)
    allowed = np.zeros(rows, np.bool_)
    allowed[[2, 5]] = True
    assert set(segment.search(vectors[0], 3, Allowed.of(allowed))[1]) == {4, 10}, (
        "however few are allowed, they are found"
    )
    assert len(segment.search(vectors[0], 3, Allowed.of(np.zeros(rows, np.bool_)))[1]) == 0


def test_the_file(tmp_path):
    said = written(tmp_path, clustered(10)).said
    (path,) = tmp_path.iterdir()
    assert path.name == said.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == said.sha256
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (said.size, said.modified)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "0.faiss.tmp").touch()
    (tmp_path / "manifest.sqlite").touch()
    assert segments.orphans(tmp_path, [said.file]) == ["0.faiss.tmp"]
    segments.remove(tmp_path, [said.file, "gone.faiss"])
    assert not path.exists()


def test_a_file_that_was_only_touched(tmp_path):
    segment = written(tmp_path, clustered(10))
    (path,) = tmp_path.iterdir()
    path.touch()
    assert len(segment.search(clustered(1)[0], 3, None)[0]) == 3


@pytest.mark.parametrize("damage", [lambda data: data[:-1] + b"\xff", lambda data: data[:40], lambda data: b""])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_damaged_file(tmp_path, damage, when):
    segment = written(tmp_path, clustered(10))
    (path,) = tmp_path.iterdir()
    if when == "after":
        segment.search(clustered(1)[0], 3, None)
    copy = tmp_path / "copy"
    copy.write_bytes(damage(path.read_bytes()))
    copy.rename(path)
    with pytest.raises(RetrievalError, match=r"damaged.*`aigw rag repair -n docs`"):
        segment.search(clustered(1)[0], 3, None)


def test_a_missing_file(tmp_path):
    segment = written(tmp_path, clustered(10))
    segments.remove(tmp_path, [segment.said.file])
    with pytest.raises(MissingSegmentError, match=r"missing.*`aigw rag repair -n docs`"):
        segment.search(clustered(1)[0], 3, None)


def test_a_full_disk_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        written(tmp_path / "nowhere", clustered(10))


@pytest.mark.parametrize("modified", [False, True])
def test_a_file_that_is_taken_away_while_it_is_opened_is_missing(tmp_path, modified):
    """As another process does that has merged it: then the search begins anew."""

    class Taken(Segment):
        def _look(self):
            found = super()._look()
            self._path.unlink()
            return found

    said = written(tmp_path, clustered(10)).said
    segment = Taken(tmp_path, "docs", said, "cosine", np.arange(10), np.zeros(10, np.uint8), np.ones(10, np.int32))
    if modified:
        (tmp_path / said.file).touch()
    with pytest.raises(MissingSegmentError):
        segment.search(clustered(1)[0], 1, None)

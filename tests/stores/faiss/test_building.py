"""Which kind of segment is made."""

import numpy as np
import pytest

from aigw.stores.faiss import building

ROWS = building.SCALAR_ROWS + 1


def made(folder, vectors, metric="cosine"):
    return building.write(folder, metric, len(vectors), lambda: (vectors,), vectors)


@pytest.mark.parametrize(("rows", "kind"), [(1, "flat"), (building.FLAT_ROWS, "flat"), (building.FLAT_ROWS + 1, "sq8")])
def test_by_their_number(tmp_path, rows, kind):
    said = made(tmp_path, np.random.default_rng(0).standard_normal((rows, 8), np.float32))
    assert (said.kind, said.rows, said.probes) == (kind, rows, 0)


def test_lists_are_of_no_use_for_lengths_that_differ_wildly(tmp_path):
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((ROWS, 16), np.float32) * draw.lognormal(0, 2, (ROWS, 1)).astype(np.float32)
    said = made(tmp_path, vectors, "dotproduct")
    assert (said.kind, said.probes) == ("sq8", 0)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o500)
    with pytest.raises((FileNotFoundError, PermissionError)):
        made(tmp_path / "folder" / "nowhere", np.eye(4, dtype=np.float32))
    assert list((tmp_path / "folder").iterdir()) == []

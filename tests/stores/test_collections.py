import numpy as np
import pytest

from aigw.core.retrieval import CollectionInfo, RetrievalError
from aigw.stores.collections import check, fitting, is_name


@pytest.mark.parametrize("name", ["docs", "a", "b-2_x.y", "x" * 64])
def test_names(name):
    assert is_name(name)
    check(CollectionInfo(name, 1))


@pytest.mark.parametrize(
    "info",
    [
        CollectionInfo(".hidden", 8),
        CollectionInfo("x" * 65, 8),
        CollectionInfo("docs", 0),
        CollectionInfo("docs", 20_001),
        CollectionInfo("docs", 8, metric="manhattan"),
    ],
)
def test_what_cannot_be_a_collection(info):
    with pytest.raises(RetrievalError, match="cannot"):
        check(info)


def test_vectors_that_fit_are_rows_of_float32():
    fitted = fitting(CollectionInfo("docs", 2), np.array([[1.0, 2.0]]), 1)
    assert fitted.dtype == np.float32
    for wrong in ([[1.0, 2.0], [3.0, 4.0]], [[1.0]], [[1.0, np.inf]], [1.0, 2.0]):
        with pytest.raises(RetrievalError):
            fitting(CollectionInfo("docs", 2), np.array(wrong), 1)

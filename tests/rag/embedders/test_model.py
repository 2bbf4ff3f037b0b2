"""aigw/rag/embedders/model.py: what tokenizers can take, and weights that are what they should be."""

import hashlib

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.model import check_weights, readable


def test_what_tokenizers_cannot_take_is_replaced():
    assert readable("a\ud800b\0c 中😀") == "a?b c 中😀"


def test_weights_are_compared_by_their_hash(tmp_path):
    file = tmp_path / "weights.bin"
    file.write_bytes(b"weights")
    check_weights(file, hashlib.sha256(b"weights").hexdigest(), "a-package")
    file.write_bytes(b"Weights")
    with pytest.raises(RetrievalError, match=r"a-package: weights.bin is not the file .*--no-deps a-package"):
        check_weights(file, hashlib.sha256(b"weights").hexdigest(), "a-package")


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(RetrievalError, match=r"a-package: weights.bin cannot be read: No such file"):
        check_weights(tmp_path / "weights.bin", "", "a-package")

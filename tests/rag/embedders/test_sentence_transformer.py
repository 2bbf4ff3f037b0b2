"""aigw/rag/embedders/sentence_transformer.py: models by folder or name, without a network."""

import time

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.rag.embedders.sentence_transformer import load


def test_a_model_that_is_not_here_is_not_looked_for_elsewhere():
    start = time.monotonic()
    with pytest.raises(RetrievalError, match="nobody/has-this-model cannot be loaded"):
        load("nobody/has-this-model", download=False)
    assert time.monotonic() - start < 30, "it tried to reach the hub, which takes more than a minute"


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(RetrievalError, match="cannot be loaded by sentence-transformers"):
        load(str(tmp_path), download=False)

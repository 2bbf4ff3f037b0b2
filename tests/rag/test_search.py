"""Searching a real collection by a small embedder, each language apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_embedder import DIMENSION, SmallEmbedder

from aigw.core.retrieval import CollectionInfo, Passage, Source
from aigw.rag.search import scopes, search, shortened, usual
from aigw.stores.faiss.collections import FaissCollections

ENGLISH = {
    "bread": "Bread is baked from flour, water and salt.",
    "cache": "The cache keeps answers for an hour.",
    "train": "The night train to the coast leaves at ten.",
    "tea": "Green tea is steeped in water that does not boil.",
}
CHINESE = {"面包": "面包是用面粉、水和盐烤成的。", "缓存": "缓存保留答案一小时。", "火车": "夜间火车十点出发。"}


@pytest.fixture
async def collections(tmp_path):
    made = FaissCollections(tmp_path)
    yield made
    await made.aclose()


async def filled(collections, *texts):
    embedder = SmallEmbedder()
    collection = await collections.create(CollectionInfo("docs", DIMENSION, embedder.name))
    passages = [Passage(id_, text) for each in texts for id_, text in each.items()]
    vectors = await embedder.embed([each.text for each in passages], "passage")
    await collection.replace(Source("all", "1"), passages, vectors)

    async def find(question, top=3):
        return await search(collection, embedder, question, top, await usual(collection))

    return find


async def test_the_best_is_first_with_its_distance(collections):
    find = await filled(collections, ENGLISH)
    first, second = await find("How long does the cache keep answers?", 2)
    assert first.passage == Passage("cache", ENGLISH["cache"], "all")
    assert (first.score > second.score, 0 < first.distance < second.distance) == (True, True)
    (exact,) = await find(ENGLISH["tea"], 1)
    assert (exact.passage.id, exact.distance) == ("tea", pytest.approx(0, abs=1e-6))


async def test_another_language_has_a_third(collections):
    find = await filled(collections, ENGLISH, CHINESE)
    assert (await find("cache answers", 3))[0].passage.id == "cache"
    assert [hit.passage.id in CHINESE for hit in await find("cache answers", 6)] == [False, False, True] * 2
    assert [hit.passage.id for hit in await find("缓存保留多久", 1)] == ["缓存"]
    assert [hit.passage.id in CHINESE for hit in await find("缓存保留多久", 7)] == [True, True, False, True] + [
        False
    ] * 3


async def test_few_passages_of_another_language_may_be_first(collections):
    many = {f"n{number}": f"第{number}章没有说什么。" for number in range(30)}
    find = await filled(collections, many, {"bread": ENGLISH["bread"]})
    assert (await find("面包 bread flour 的章", 1))[0].passage.id == "bread"


async def test_an_empty_collection(collections):
    find = await filled(collections)
    assert list(await find("anything")) == []


async def test_more_than_there_are(collections):
    find = await filled(collections, ENGLISH)
    assert len(await find("tea", 100)) == 4
    assert len(await find("", 100)) == 4


@pytest.mark.parametrize(
    ("counts", "own", "expected"),
    [
        ({"other": 5}, "other", {"other": "other"}),
        ({"other": 5}, "cjk", {"other": "other"}),
        ({"cjk": 50, "other": 50}, "cjk", {"cjk": "cjk", "other": "other"}),
        ({"cjk": 90, "other": 10}, "cjk", {"cjk": None, "other": "other"}),
        ({"cjk": 90, "other": 10}, "other", {"cjk": "cjk", "other": "other"}),
        ({}, "cjk", {}),
    ],
)
def test_scopes(counts, own, expected):
    assert scopes(counts, own) == expected


class Counting(SmallEmbedder):
    """A token for each letter, and three for a Chinese one."""

    window = 100

    def count(self, text):
        return sum(1 if letter.isascii() else 3 for letter in text)


@given(st.text(alphabet="a 水", max_size=5000))
def test_of_a_long_question_its_beginning_and_end_are_searched_for(question):
    text = shortened(question, Counting())
    assert Counting().count(text) <= 100 or len(text) <= 200
    half = len(text) // 2
    assert text == question or (question.startswith(text[:half]) and question.endswith(text[-half:]))


async def test_a_long_question_is_found_by_its_end(collections):
    find = await filled(collections, ENGLISH)
    assert (await find("blah " * 200_000 + "How long does the cache keep answers?", 1))[0].passage.id == "cache"

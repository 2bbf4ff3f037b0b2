"""Queries: by vector, by id, by filter, and what they answer."""

import math

import numpy as np
import pytest
from dashvector_world import dashvector_world

from aigw.core.retrieval import CollectionInfo, Passage, Source
from aigw.standins.dashvector.codes import (
    BAD_ARGUMENT,
    BAD_FILTER,
    BAD_TOP,
    NO_KEY,
    NO_PARTITION,
    OTHER_DIMENSION,
    UNSUPPORTED,
    VECTOR_AND_ID,
)
from aigw.standins.dashvector.queries import score_of

QUERY = "/v1/collections/docs/query"
DOCS = [
    {"id": "a", "vector": [1, 0], "fields": {"age": 10, "name": "zhangsan", "male": True}},
    {"id": "b", "vector": [0.6, 0.8], "fields": {"age": 20, "name": "lisi", "male": False}},
    {"id": "c", "vector": [0, 2], "fields": {"age": 30, "name": "zhaoliu"}},
]


@pytest.fixture
async def it(tmp_path):
    async with dashvector_world(tmp_path) as made:
        await made.create()
        await made.put(DOCS)
        yield made


async def test_the_nearest_first(it):
    told = await it.told("POST", QUERY, {"vector": [1.0, 0.0], "topk": 2})
    assert [(doc["id"], round(doc["score"], 4)) for doc in told["output"]] == [("a", 0.0), ("b", 0.4)]
    assert told["output"][0]["fields"] == DOCS[0]["fields"]
    assert "vector" not in told["output"][0]
    assert told["usage"] == {"read_units": 2}
    assert await it.found(vectors={"proxima_vector": {"vector": [0, 1], "param": {"ef": 9, "is_linear": True}}}) == [
        *"cba"
    ]
    assert await it.found(vectors={"": {"vector": [0, 1]}}, sparse_vectors={}, id=None, topk=1) == ["c"]


async def test_the_fields_and_the_vector_that_are_wanted(it):
    (found,) = (await it.told("POST", QUERY, {"vector": [0, 1], "topk": 1, "include_vector": True, "output_fields": ["age", "x"]}))["output"]  # fmt: skip
    assert found == {"id": "c", "fields": {"age": 30}, "score": pytest.approx(0, abs=1e-6), "vector": [0.0, 2.0]}
    (found,) = (await it.told("POST", QUERY, {"vector": [0, 1], "topk": 1, "output_fields": []}))["output"]
    assert found["fields"] == DOCS[2]["fields"], "none means all"


async def test_by_the_vector_of_another_document(it):
    assert await it.found(id="c") == ["c", "b", "a"]
    assert await it.ask("POST", QUERY, {"id": "never"}) == (NO_KEY, "docs has no document never")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("age > 10", "bc"), ("age >= 10 and age < 30", "ab"), ("male = true", "a"), ("name like 'zha%'", "ac"),
        ("name in ('lisi', 'x') or age = 30", "bc"), ("(age = 10 or age = 20) and male = false", "b"),
        ("name not in ('lisi')", "ac"), ("none = 1", ""), ("  ", "abc"),
    ],
)  # fmt: skip
async def test_filters(it, text, ids):
    assert sorted(await it.found(vector=[1, 0], filter=text)) == list(ids)
    assert await it.found(filter=text) == list(ids), "as they came"


async def test_all_without_anything(it):
    told = await it.told("POST", QUERY, {"topk": 2, "id": None, "include_vector": True})
    assert [(doc["id"], doc["score"], doc["vector"]) for doc in told["output"]] == [
        ("a", 0.0, [1.0, 0.0]), ("b", 0.0, pytest.approx([0.6, 0.8])),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "scores", "radius", "near"),
    [
        ("cosine", {"a": 0.0, "b": 0.4, "c": 1.0}, 0.5, "ab"),
        ("euclidean", {"a": 0.0, "b": math.sqrt(0.8), "c": math.sqrt(5)}, 1.0, "ab"),
        ("dotproduct", {"a": 1.0, "b": 0.6, "c": 0.0}, 0.5, "ab"),
    ],
)
async def test_scores_are_those_of_the_metric(it, metric, scores, radius, near):
    await it.create("other", metric=metric)
    await it.put(DOCS, "other")
    _, output = await it.ask("POST", "/v1/collections/other/query", {"vector": [1, 0]})
    assert [(doc["id"], pytest.approx(doc["score"], abs=1e-6)) for doc in output] == list(scores.items())
    assert await it.found("other", vectors={"": {"vector": [1, 0], "param": {"radius": radius}}}) == list(near)


def test_a_distance_is_never_below_zero():
    assert score_of("cosine", 1.0000001) == score_of("euclidean", -1e-7) == 0.0
    assert score_of("dotproduct", -3.0) == -3.0


async def test_a_partition_is_searched_alone(it):
    await it.ask("POST", "/v1/collections/docs/partitions", {"name": "left"})
    await it.put([{"id": "l", "vector": [1, 0]}], partition="left")
    assert await it.found(vector=[1, 0], partition="left") == ["l"]
    assert await it.found(vector=[1, 0]) == ["a", "b", "c"]
    assert (await it.ask("POST", QUERY, {"vector": [1, 0], "partition": "right"}))[0] == NO_PARTITION


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"vector": [1, 0, 0]}, OTHER_DIMENSION),
        ({"vector": "x"}, BAD_ARGUMENT),
        ({"vector": [1, 0], "topk": 0}, BAD_TOP),
        ({"vector": [1, 0], "topk": 1025}, BAD_TOP),
        ({"vector": [1, 0], "id": "a"}, VECTOR_AND_ID),
        ({"vector": [1, 0], "filter": "age >"}, BAD_FILTER),
        ({"vector": [1, 0], "filter": "age is null"}, UNSUPPORTED),
        ({"vector": [1, 0], "sparse_vector": {"1": 0.5}}, UNSUPPORTED),
        ({"sparse_vectors": {"s": {}}}, UNSUPPORTED),
        ({"vectors": {"a": {"vector": [1, 0]}, "b": {"vector": [1, 0]}}}, UNSUPPORTED),
        ({"vectors": {"a": {"vector": [1, 0]}}}, UNSUPPORTED),
        ({"vector": [1, 0], "rerank": {"ranker_name": "rrf"}}, UNSUPPORTED),
        ({"vector": [1, 0], "order_by_fields": [{"field": "age"}]}, UNSUPPORTED),
    ],
)
async def test_what_cannot_be_asked(it, body, code):
    assert (await it.ask("POST", QUERY, body))[0] == code


async def test_a_collection_of_rag_is_read(it):
    guide = await it.collections.create(CollectionInfo("guide", 2, "minilm"))
    passages = [Passage("u-1", "Press the button.", title="Use"), Passage("u-2", "Wait.", title="Use > Then")]
    await guide.replace(
        Source("use.md", "1"), [each._replace(source="use.md") for each in passages], np.eye(2, dtype=np.float32)
    )
    told = await it.told("POST", "/v1/collections/guide/query", {"vector": [1, 0], "filter": "title like 'Use >%'"})
    (found,) = told["output"]
    assert (found["id"], found["fields"]) == ("u-2", {"raw": "Wait.", "source": "use.md", "title": "Use > Then"})

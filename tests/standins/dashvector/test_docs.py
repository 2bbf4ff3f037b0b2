"""Documents: what is put, replaced, updated, fetched and deleted, and what each of them is told."""

import pytest
from dashvector_world import dashvector_world

from aigw.core.retrieval import CollectionInfo, Query
from aigw.standins.dashvector.codes import (
    BAD_BATCH,
    BAD_FIELD,
    BAD_ID,
    BAD_VECTOR,
    EMPTY_DOCS,
    EMPTY_ID,
    NO_KEY,
    NO_PARTITION,
    OTHER_DIMENSION,
    OTHER_TYPE,
    SAME_KEY,
    TOO_MANY_IDS,
    UNSUPPORTED,
)

DOCS = "/v1/collections/docs/docs"
X = {"id": "x", "vector": [1.0, 0.0], "fields": {"age": 3, "name": "Ann", "free": True}}


@pytest.fixture
async def it(tmp_path):
    async with dashvector_world(tmp_path) as made:
        await made.create(fields_schema={"age": "INT", "name": "STRING"})
        yield made


def codes(told):
    return [(each["doc_op"], each["id"], each["code"]) for each in told["output"]]


async def fetched(it, *ids, partition=""):
    code, output = await it.ask("GET", f"{DOCS}?ids={','.join(ids)}&partition={partition}")
    assert code == 0
    return output


async def test_insert_keeps_what_is_there(it):
    told = await it.told("POST", DOCS, {"docs": [X, {"id": "y", "vector": [0, 1]}]})
    assert codes(told) == [("insert", "x", 0), ("insert", "y", 0)]
    assert told["usage"] == {"write_units": 2}
    late = {"id": "x", "vector": [0.0, 1.0]}
    told = await it.told("POST", DOCS, {"docs": [late, {"id": "z", "vector": [1, 1]}, {"id": "z", "vector": [2, 2]}]})
    assert codes(told) == [("insert", "x", SAME_KEY), ("insert", "z", 0), ("insert", "z", SAME_KEY)]
    assert told["output"][0]["message"] == "there is a document of this id already"
    found = await fetched(it, "x", "z", "never")
    assert found["x"] == {**X, "score": 0.0}
    assert found["z"]["vector"] == [1.0, 1.0]
    assert found.keys() == {"x", "z"}


async def test_a_document_without_an_id_gets_one(it):
    told = await it.told("POST", DOCS, {"docs": {"id": "", "vector": [1, 0]}})
    (made,) = told["output"]
    assert list(await fetched(it, made["id"])) == [made["id"]]


async def test_upsert_replaces(it):
    await it.put([X])
    told = await it.told(
        "POST", f"{DOCS}/upsert", {"docs": [{"id": "x", "vectors": {"": [0, 2]}, "fields": {"age": 4}}]}
    )
    assert codes(told) == [("upsert", "x", 0)]
    assert await fetched(it, "x") == {"x": {"id": "x", "vector": [0.0, 2.0], "fields": {"age": 4}, "score": 0.0}}


async def test_update_keeps_the_vector_and_forgets_other_fields(it):
    await it.put([X, {"id": "y", "vector": [0, 1]}])
    told = await it.told("PUT", DOCS, {"docs": [
        {"id": "x", "fields": {"age": 5}}, {"id": "never", "vector": [1, 1]}, {"id": "y", "vector": [3, 4]},
    ]})  # fmt: skip
    assert codes(told) == [("update", "x", 0), ("update", "never", NO_KEY), ("update", "y", 0)]
    found = await fetched(it, "x", "y", "never")
    assert (found["x"]["vector"], found["x"]["fields"]) == ([1.0, 0.0], {"age": 5})
    assert found["y"]["vector"] == [3.0, 4.0]
    assert "never" not in found
    assert codes(await it.told("PUT", DOCS, {"docs": [{"id": "never"}]})) == [("update", "never", NO_KEY)]


async def test_delete(it):
    await it.put([{"id": id_, "vector": [1, 0]} for id_ in "abcd"])
    told = await it.told("DELETE", DOCS, {"ids": ["a", "never"], "delete_all": False, "partition": "", "filter": ""})
    assert codes(told) == [("delete", "a", 0), ("delete", "never", NO_KEY)]
    assert codes(await it.told("DELETE", DOCS, {"ids": "b"})) == [("delete", "b", 0)]
    assert await it.ask("DELETE", DOCS, {"ids": [], "delete_all": True}) == (0, [])
    assert await fetched(it, *"abcd") == {}


async def test_a_partition_has_its_own_ids(it):
    assert (await it.ask("POST", DOCS, {"docs": [X], "partition": "left"}))[0] == NO_PARTITION
    await it.ask("POST", "/v1/collections/docs/partitions", {"name": "left"})
    await it.put([X], partition="left")
    assert await fetched(it, "x") == {}
    assert list(await fetched(it, "x", partition="left")) == ["x"]
    assert (await it.ask("GET", f"{DOCS}?ids=x&partition=right"))[0] == NO_PARTITION
    assert (await it.ask("DELETE", DOCS, {"ids": ["x"], "partition": "right"}))[0] == NO_PARTITION


async def test_an_id_in_a_query_may_have_a_plus_and_a_percent(it):
    await it.put([{"id": "a+b%c", "vector": [1, 0]}])
    assert list(await fetched(it, "a%2Bb%25c")) == ["a+b%c"]


@pytest.mark.parametrize(
    ("docs", "code"),
    [
        ([], EMPTY_DOCS),
        ([{"id": str(number), "vector": [1, 0]} for number in range(1025)], BAD_BATCH),
        ([{"id": "a"}], BAD_VECTOR),
        ([{"id": "a", "vector": [1, 0, 0]}], OTHER_DIMENSION),
        ([{"id": "a", "vector": [1e39, 0]}], BAD_VECTOR),
        ([{"id": "a/b", "vector": [1, 0]}], BAD_ID),
        ([{"id": "a", "vector": [1, 0], "fields": {"age": "old"}}], OTHER_TYPE),
        ([{"id": "a", "vector": [1, 0], "sparse_vector": {"1": 0.5}}], UNSUPPORTED),
        ([{"id": "a", "vectors": {"other": [1, 0]}}], UNSUPPORTED),
        ([{"id": "a", "vector": [1, 0], "vectors": {"": [1, 0]}}], UNSUPPORTED),
    ],
)
async def test_what_is_wrong_with_one_refuses_all(it, docs, code):
    assert (await it.ask("POST", DOCS, {"docs": [X, *docs] if docs else docs}))[0] == code
    assert await fetched(it, "x") == {}


@pytest.mark.parametrize(
    ("method", "target", "body", "code"),
    [
        ("PUT", DOCS, {"docs": [{"vector": [1, 0]}]}, BAD_ID),
        ("GET", DOCS, None, EMPTY_ID),
        ("GET", f"{DOCS}?ids={','.join(map(str, range(1025)))}", None, TOO_MANY_IDS),
        ("DELETE", DOCS, {}, EMPTY_ID),
        ("DELETE", DOCS, {"ids": ["x"], "delete_all": True}, BAD_ID),
        ("DELETE", DOCS, {"filter": "age > 3"}, UNSUPPORTED),
    ],
)
async def test_what_cannot_be_asked(it, method, target, body, code):
    assert (await it.ask(method, target, body))[0] == code


async def test_a_document_has_the_words_of_its_field_raw(it):
    await it.put([{"id": "p", "vector": [1, 0], "fields": {"raw": "Penguins swim.", "title": "Birds"}}])
    docs = await it.collections.get("docs")
    assert len((await docs.search(Query(None, "penguin"))).words) == 1
    found = await fetched(it, "p")
    assert found["p"]["fields"] == {"raw": "Penguins swim.", "title": "Birds"}


async def test_a_collection_of_rag_wants_texts(it):
    await it.collections.create(CollectionInfo("guide", 2, "minilm"))
    path = "/v1/collections/guide/docs"
    code, message = await it.ask("POST", path, {"docs": [{"id": "a", "vector": [1, 0]}]})
    assert code == BAD_FIELD
    assert message.endswith("a document needs its text in the field raw")
    await it.put([{"id": "a", "vector": [1, 0], "fields": {"raw": "text"}}], "guide")

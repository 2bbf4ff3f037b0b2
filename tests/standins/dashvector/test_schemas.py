"""Collections and partitions, as DashVector's API makes and describes them."""

import pytest
from dashvector_world import dashvector_world

from aigw.core.retrieval import CollectionInfo
from aigw.standins.dashvector.codes import (
    BAD_ARGUMENT,
    BAD_COLLECTION_NAME,
    BAD_DIMENSION,
    BAD_FIELD,
    BAD_PARTITION_NAME,
    BAD_VECTOR_TYPE,
    NO_COLLECTION,
    NO_PARTITION,
    SAME_COLLECTION,
    SAME_PARTITION,
    UNSUPPORTED,
)

ROOT = "/v1/collections"


@pytest.fixture
async def it(tmp_path):
    async with dashvector_world(tmp_path) as made:
        yield made


async def test_a_collection_comes_and_goes(it):
    assert await it.ask("GET", ROOT) == (0, [])
    await it.create("docs", 4, fields_schema={"age": "INT"}, metric="euclidean", dtype="FLOAT")
    assert await it.ask("GET", ROOT) == (0, ["docs"])
    code, meta = await it.ask("GET", f"{ROOT}/docs")
    vector = {"dimension": 4, "dtype": "FLOAT", "metric": "euclidean"}
    assert (code, meta) == (0, {
        "name": "docs", **vector, "status": "SERVING", "fields_schema": {"age": "INT"},
        "vectors_schema": {"proxima_vector": {**vector, "quantize_type": ""}}, "partitions": {"default": "SERVING"},
    })  # fmt: skip
    assert await it.ask("DELETE", f"{ROOT}/docs") == (0, "Success")
    assert await it.ask("DELETE", f"{ROOT}/docs") == (NO_COLLECTION, "there is no collection docs")
    code, message = await it.ask("GET", f"{ROOT}/docs")
    assert (code, message) == (NO_COLLECTION, "there is no collection docs; there are: none yet")


@pytest.mark.parametrize("name", ["", "proxima_vector"])
async def test_the_vector_may_be_the_only_one_of_several(it, name):
    vector = {"dimension": 3, "metric": "dotproduct", "dtype": "FLOAT", "quantize_type": "DT_VECTOR_INT8"}
    await it.create("docs", 0, metric="euclidean", vectors_schema={name: vector}, sparse_vectors_schema={}, indexes={})
    _, meta = await it.ask("GET", f"{ROOT}/docs")
    assert (meta["dimension"], meta["metric"]) == (3, "dotproduct")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "ab", "dimension": 4}, BAD_COLLECTION_NAME),
        ({"name": "docs"}, BAD_DIMENSION),
        ({"name": "docs", "dimension": 20001}, BAD_DIMENSION),
        ({"name": "docs", "dimension": 4, "dtype": "INT"}, BAD_VECTOR_TYPE),
        ({"name": "docs", "dimension": 4, "metric": "manhattan"}, BAD_ARGUMENT),
        ({"name": "docs", "dimension": 4, "fields_schema": {"x": "DATE"}}, BAD_FIELD),
        ({"name": "docs", "vectors_schema": {"a": {"dimension": 2}, "b": {"dimension": 2}}}, UNSUPPORTED),
        ({"name": "docs", "vectors_schema": {"a": {"dimension": 2}}}, UNSUPPORTED),
        ({"name": "docs", "dimension": 4, "sparse_vectors_schema": {"s": {}}}, UNSUPPORTED),
        ({"name": "taken", "dimension": 4}, SAME_COLLECTION),
        (b"not json", BAD_ARGUMENT),
    ],
)
async def test_what_cannot_be_made(it, body, code):
    await it.create("taken")
    assert (await it.ask("POST", ROOT, body))[0] == code
    assert await it.ask("GET", ROOT) == (0, ["taken"])


async def test_partitions(it):
    await it.create()
    path = f"{ROOT}/docs/partitions"
    assert await it.ask("POST", path, {"name": "left"}) == (0, "Success")
    assert (await it.ask("POST", path, {"name": "left"}))[0] == SAME_PARTITION
    assert (await it.ask("POST", path, {"name": "a b"}))[0] == BAD_PARTITION_NAME
    assert await it.ask("GET", path) == (0, ["default", "left"])
    assert await it.ask("GET", f"{path}/left") == (0, "SERVING")
    await it.put([{"id": "1", "vector": [1, 0]}, {"id": "2", "vector": [0, 1]}], partition="left")
    await it.put([{"id": "1", "vector": [1, 0]}])
    assert await it.ask("GET", f"{path}/left/stats") == (0, {"total_doc_count": 2})
    counts = {"default": {"total_doc_count": 1}, "left": {"total_doc_count": 2}}
    told = {"total_doc_count": 3, "index_completeness": 1.0, "partitions": counts}
    assert await it.ask("GET", f"{ROOT}/docs/stats") == (0, told)
    assert await it.ask("DELETE", f"{path}/left") == (0, "Success")
    assert (await it.ask("DELETE", f"{path}/default"))[0] == UNSUPPORTED
    for method, target in (("DELETE", "left"), ("GET", "left"), ("GET", "left/stats")):
        assert await it.ask(method, f"{path}/{target}") == (NO_PARTITION, "docs has no partition left")
    assert await it.ask("GET", path) == (0, ["default"])


async def test_a_collection_of_rag_has_fields_for_its_texts(it):
    await it.collections.create(CollectionInfo("guide", 4, "minilm"))
    _, meta = await it.ask("GET", f"{ROOT}/guide")
    assert meta["fields_schema"] == {"raw": "STRING", "source": "STRING", "title": "STRING"}

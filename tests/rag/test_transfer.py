"""A collection goes to another machine as lines of JSON, and comes out as it was."""

import json

import numpy as np
import pytest

from aigw.core.retrieval import CollectionInfo, NoCollectionError, Passage, Query, RetrievalError, Source
from aigw.rag.transfer import lines_of, read_lines
from aigw.stores.faiss.collections import FaissCollections

INFO = CollectionInfo("docs", 3, "small", "cosine", {"n": "int"})
PASSAGES = [Passage("1", "eins\u2028", "a.txt", "A > B", (1, 2), 3, {"n": 5}), Passage("2", "zwei", "a.txt")]
VECTORS = np.asarray([[1, 0, 0], [0, 0.6, 0.8]], np.float32)


@pytest.fixture
async def stores(tmp_path):
    both = FaissCollections(tmp_path / "one"), FaissCollections(tmp_path / "two")
    docs = await both[0].create(INFO)
    await docs.replace(Source("a.txt", "d1", 9, "T", 2, 5.0), PASSAGES, VECTORS)
    yield both
    for each in both:
        await each.aclose()


async def exported(stores):
    return [line async for line in lines_of(await stores[0].get("docs"))]


async def test_there_and_back(stores):
    lines = await exported(stores)
    assert await read_lines(stores[1], lines) == ("docs", 2)
    came = await stores[1].get("docs")
    assert came.info == INFO
    assert await came.sources() == await (await stores[0].get("docs")).sources()
    assert await came.of_source("a.txt") == PASSAGES
    found = await came.search(Query(VECTORS[1]))
    assert found.near[0].score == pytest.approx(1.0)
    assert [line async for line in lines_of(came)] == lines


async def test_under_another_name(stores):
    assert await read_lines(stores[1], await exported(stores), "mine") == ("mine", 2)
    assert await stores[1].names() == ["mine"]


async def test_one_of_this_name_stays(stores):
    with pytest.raises(RetrievalError, match="docs"):
        await read_lines(stores[0], await exported(stores))
    assert await (await stores[0].get("docs")).of_source("a.txt") == PASSAGES


def damaged(lines, **more):
    line = json.loads(lines[1])
    return [lines[0], json.dumps({**line, **more}).encode()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "line 1"),
        (lambda lines: [b"{}"], "line 1"),
        (lambda lines: [lines[0].replace(b"collection 1", b"collection 9"), *lines[1:]], "line 1: this is no"),
        (lambda lines: [lines[0], b"nothing"], "line 2"),
        (lambda lines: damaged(lines, vectors="AAAA"), "line 2: the vectors are not 2 rows of 3"),
        (lambda lines: damaged(lines, vectors="%%"), "line 2: the vectors"),
        (lambda lines: damaged(lines, vectors="AADAfwAAAAAAAAAAAAAAAAAAAAAAAAAA"), "not finite"),
    ],
)
async def test_what_is_damaged_leaves_nothing(stores, change, message):
    with pytest.raises(RetrievalError, match=message):
        await read_lines(stores[1], change(await exported(stores)))
    with pytest.raises(NoCollectionError):
        await stores[1].get("docs")

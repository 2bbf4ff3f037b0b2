"""A collection while its server is down, dies, answers nothing, or has another collection of its name; and large ones."""

import asyncio

import numpy as np
import pytest
from collection_contract import info, near, one, passage, rows
from milvus_server import MilvusServer

from aigw.core.retrieval import Comparison, NoCollectionError, Query, RetrievalError, Source
from aigw.stores.milvus.address import parse
from aigw.stores.milvus.collections import MilvusCollections


@pytest.fixture
async def own(tmp_path):
    """A server of its own, which may be killed."""
    server = MilvusServer(tmp_path)
    await asyncio.to_thread(server.start)
    yield server
    server.kill()


async def test_a_server_that_dies_and_comes_back(own):
    collections = MilvusCollections(parse(own.url), patience=1.0)
    docs = await collections.create(info())
    await docs.replace(Source("a", "1"), [passage("a1")], rows(0))
    own.kill()
    for call in (docs.search(Query(one(0))), docs.sources(), collections.get("docs"), collections.names()):
        with pytest.raises(
            RetrievalError, match=rf"127\.0\.0\.1:{own.port} cannot be reached; is it running.*rag\.store"
        ):
            await call
    await asyncio.to_thread(own.start)
    collections_again = MilvusCollections(parse(own.url))
    for each in (docs, await collections_again.get("docs")):
        assert await near(each, one(0)) == ["a1"]
    await docs.replace(Source("a", "2"), [passage("a2")], rows(1))
    assert await near(docs, one(0)) == ["a2"]
    await collections.aclose()
    await collections_again.aclose()


async def test_a_server_that_answers_nothing(own):
    collections = MilvusCollections(parse(own.url), patience=0.5)
    docs = await collections.create(info())
    own.pause()
    ticks = 0
    search = asyncio.ensure_future(docs.search(Query(one(0))))
    while not search.done():
        await asyncio.sleep(0)
        ticks += 1
    with pytest.raises(RetrievalError, match=r"does not answer in time|cannot be reached"):
        await search
    assert ticks > 100, "the event loop goes on"
    own.resume()
    assert await near(docs, one(0)) == []
    await collections.aclose()


async def test_a_server_that_is_not_there():
    collections = MilvusCollections(parse("milvus://user:secret@127.0.0.1:1"), patience=0.3)
    with pytest.raises(RetrievalError, match=r"127\.0\.0\.1:1 cannot be reached") as caught:
        await collections.get("docs")
    assert "secret" not in str(caught.value)
    assert collections.version("docs") != collections.version("docs")
    await collections.aclose()
    with pytest.raises(RetrievalError, match="closed"):
        await collections.names()


async def test_another_collection_of_the_same_name(collections, another):
    docs = await collections.create(info())
    await docs.upsert([passage("a")], rows(0))
    other = await another()
    await other.drop("docs")
    again = await other.create(info(dimension=3))
    await again.upsert([passage("b")], one(0, 3).reshape(1, -1))
    for call in (docs.search(Query(one(0))), docs.upsert([passage("c")], rows(1)), docs.of_source("a")):
        with pytest.raises(RetrievalError):
            await call
    found = await collections.get("docs")
    assert found.info.dimension == 3
    await found.upsert([passage("c")], one(1, 3).reshape(1, -1))
    assert set(await near(again, one(0, 3))) == {"b", "c"}
    with pytest.raises(RetrievalError, match="closed"):
        await docs.stats()


async def test_what_somebody_else_keeps_in_the_same_milvus(collections, client, server, database):
    from pymilvus import MilvusClient

    theirs = MilvusClient(f"http://127.0.0.1:{server.port}", db_name=database)
    theirs.create_collection("aigw_theirs", dimension=8)
    theirs.create_collection("others", dimension=8)
    assert await collections.names() == ["theirs"]
    with pytest.raises(RetrievalError, match="aigw_theirs was not written by this aigw"):
        await collections.get("theirs")
    with pytest.raises(RetrievalError, match="aigw_theirs was not written by this aigw"):
        await collections.create(info("theirs"))
    theirs.close()


async def test_a_source_with_many_passages(collections):
    docs = await collections.create(info())
    count = 2_345
    vectors = np.random.default_rng(7).normal(size=(count, 8)).astype(np.float32)
    texts = [f"Passage {number} of the text." for number in range(count)]
    await docs.replace(Source("a", "1"), [passage(str(n), text) for n, text in enumerate(texts)], vectors)
    assert [each.text for each in await docs.of_source("a")] == texts
    found = await docs.search(Query(vectors[99], top=3))
    assert (await docs.passages([found.near[0].key]))[found.near[0].key].id == "99"
    await docs.replace(Source("a", "2"), [passage("only")], rows(0))
    assert (await docs.stats()).passages == 1


async def test_ingesting_again_from_another_machine(collections, another):
    docs = await collections.create(info())
    source = Source("a.md", "digest", 12, "Title", 1, 5.5)
    await docs.replace(source, [passage("a1")], rows(0))
    assert await (await (await another()).get("docs")).sources() == {"a.md": source}


async def test_odd_texts(collections):
    docs = await collections.create(info(embedder=""))
    odd = passage(
        "a\"]' or key > 0", "\0\t\n\"'\\{x}é𝔘", fields={"k\"'": "\\ \n \0", "": [1, {"a": None}]}, partition='p" or 1'
    )
    await docs.upsert([odd], rows(0))
    assert [each for each, _ in (await docs.fetch([odd.id], odd.partition)).values()] == [odd]
    assert await near(docs, one(0), partition=odd.partition, where=Comparison("k\"'", "like", "%")) == [odd.id]
    with pytest.raises(RetrievalError, match="b is no Unicode text"):
        await docs.upsert([passage("b", "\ud800")], rows(1))
    with pytest.raises(RetrievalError, match="keeps at most 65535"):
        await docs.upsert([passage("b", "x" * 70_000)], rows(1))
    assert (await docs.stats()).passages == 1


async def test_what_a_collection_says_of_itself(collections):
    docs = await collections.create(info())
    await docs.replace(Source("a", "1"), [passage("a1")], rows(0))
    stats = await docs.stats()
    assert (stats.passages, stats.sources, list(stats.kinds)) == (1, 1, ["milvus autoindex"])
    await collections.drop("docs")
    with pytest.raises(NoCollectionError):
        await collections.get("docs")

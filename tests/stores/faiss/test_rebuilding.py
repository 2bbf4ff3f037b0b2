"""Vectors that are made again: with another embedder, or because their files are damaged."""

import asyncio
import contextlib
import sqlite3

import numpy as np
import pytest
from collection_contract import DIMENSION, info, near, one, passage, rows, words

from aigw.core.retrieval import Query, RetrievalError, Source
from aigw.stores.faiss.collections import FaissCollections


@pytest.fixture
async def collections(tmp_path):
    collections = FaissCollections(tmp_path, patience=0.1)
    yield collections
    await collections.aclose()


class Embedding:
    """Vectors by the first letter of a passage's id. Remembers what it was asked."""

    def __init__(self, dimension=DIMENSION):
        self.dimension = dimension
        self.asked = []

    async def __call__(self, passages):
        self.asked += [each.id for each in passages]
        return np.stack([one(ord(each.id[0]) % self.dimension, self.dimension) for each in passages])


async def filled(collections, **others):
    """Three sources, a segment each."""
    docs = await collections.create(info(**others))
    for id_ in "abc":
        await docs.replace(Source(f"{id_}.md", id_), [passage(id_), passage(f"{id_}2")], rows(ord(id_) % 8, 7))
    return docs


def execute(folder, statement):
    with contextlib.closing(sqlite3.connect(folder / "docs" / "manifest.sqlite")) as connection, connection:
        connection.execute(statement)


async def test_another_embedder(collections):
    docs = await filled(collections)
    await docs.remove(["b.md"])
    version = docs.version()
    embed = Embedding(12)
    assert await collections.reindex("docs", "other", 12, embed) == 4
    assert embed.asked == ["a", "a2", "c", "c2"], "in their order"
    assert (docs.info.embedder, docs.info.dimension) == ("other", 12)
    assert docs.version() != version
    assert set((await near(docs, one(ord("a") % 12, 12)))[:2]) == {"a", "a2"}
    with pytest.raises(RetrievalError, match="12 numbers by other, not of 8"):
        await docs.search(Query(one(0)))
    await docs.upsert([passage("d")], np.stack([one(5, 12)]))
    assert (await near(docs, one(5, 12), top=1)) == ["d"]
    assert len((await docs.stats()).kinds) == 2


async def test_searches_go_on_meanwhile_and_others_hear_who_writes(collections, tmp_path):
    docs = await filled(collections)
    theirs = FaissCollections(tmp_path, patience=0.1)

    async def embed(passages):
        assert (await near(docs, one(ord("a") % 8), top=1)) == ["a"]
        with pytest.raises(RetrievalError, match="is being changed by process"):
            await (await theirs.get("docs")).remove(["a.md"])
        return await Embedding()(passages)

    assert await collections.reindex("docs", "other", DIMENSION, embed) == 6
    await theirs.aclose()


@pytest.mark.parametrize("failure", [RetrievalError("the service is down"), asyncio.CancelledError()])
async def test_what_fails_changes_nothing(collections, tmp_path, failure):
    docs = await filled(collections)
    version, kept = docs.version(), await near(docs, one(1))

    async def embed(passages):
        raise failure

    with pytest.raises(type(failure)):
        await collections.reindex("docs", "other", 12, embed)
    assert (docs.version(), docs.info.embedder) == (version, "e5")
    assert await near(docs, one(1)) == kept
    await docs.upsert([passage("d")], rows(3))


async def test_one_who_gives_up_frees_the_lock(collections):
    docs = await filled(collections)
    asked = asyncio.Event()

    async def embed(passages):
        asked.set()
        await asyncio.Event().wait()

    working = asyncio.create_task(collections.reindex("docs", "other", 12, embed))
    await asked.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await docs.upsert([passage("d")], rows(3))
    assert docs.info.embedder == "e5"


async def test_an_embedder_of_another_dimension(collections):
    await filled(collections)
    with pytest.raises(RetrievalError, match="not of 8"):
        await collections.reindex("docs", "other", 12, Embedding(8))
    with pytest.raises(RetrievalError, match="0 numbers"):
        await collections.reindex("docs", "other", 0, Embedding(8))


async def test_an_empty_collection(collections):
    docs = await collections.create(info())
    assert await collections.reindex("docs", "other", 12, Embedding(12)) == 0
    assert docs.info.dimension == 12


async def test_rules_of_another_aigw(collections, tmp_path):
    docs = await filled(collections)
    await collections.aclose()
    execute(tmp_path, "UPDATE collection SET rules = 1")
    for table in ("titles_other", "titles_cjk"):  # there were none
        execute(tmp_path, f"DROP TABLE {table}")
    docs = await collections.get("docs")
    for refused in (docs.search(Query(one(0))), docs.remove(["a.md"]), collections.repair("docs", Embedding())):
        with pytest.raises(RetrievalError, match=r"by other rules.*`aigw rag reindex -n docs`"):
            await refused
    assert await collections.reindex("docs", "e5", DIMENSION, Embedding()) == 6
    docs = await collections.get("docs")
    assert set((await near(docs, one(ord("a") % 8)))[:2]) == {"a", "a2"}
    assert await words(docs, "b2") == ["b2"]


async def test_only_damaged_segments_are_made_again(collections, tmp_path):
    docs = await filled(collections)
    await docs.delete(["a2"])
    paths = sorted((tmp_path / "docs").glob("*.faiss"), key=lambda path: path.stat().st_mtime_ns)
    paths[0].unlink()
    paths[1].write_bytes(b"rubbish")
    embed = Embedding()
    assert await collections.repair("docs", embed) == 3
    assert embed.asked == ["a", "b", "b2"]
    docs = await collections.get("docs")
    assert set(await near(docs, one(1))) == {"a", "b", "b2", "c", "c2"}
    assert (await near(docs, one(ord("b") % 8)))[:2] == ["b", "b2"]
    assert (await docs.sources())["a.md"].digest == "a"
    assert await collections.repair("docs", embed) == 0
    assert paths[2].exists()


async def test_what_clients_brought_comes_back_exactly(collections, tmp_path):
    docs = await collections.create(info(embedder=""))
    vectors = np.random.default_rng(0).standard_normal((5, DIMENSION)).astype(np.float32)
    await docs.upsert([passage(str(number)) for number in range(5)], vectors)
    for path in (tmp_path / "docs").glob("*.faiss"):
        path.unlink()
    embed = Embedding()
    assert await collections.repair("docs", embed) == 5
    assert embed.asked == []
    docs = await collections.get("docs")
    found = await docs.fetch([str(number) for number in range(5)])
    assert np.array_equal(np.stack([found[str(number)][1] for number in range(5)]), vectors)
    assert (await near(docs, vectors[3]))[0] == "3"


async def test_a_second_ingest_hears_who_has_it(collections, tmp_path):
    theirs = FaissCollections(tmp_path, patience=0.05)
    async with collections.exclusive("docs"):
        with pytest.raises(RetrievalError, match="docs is being changed by process"):
            async with theirs.exclusive("docs"):
                pytest.fail("two have it")
        async with theirs.exclusive("other"):
            await filled(theirs)
    async with theirs.exclusive("docs"):
        assert list(await theirs.names()) == ["docs"]
    with pytest.raises(RetrievalError, match="cannot be the name"):
        async with theirs.exclusive("../docs"):
            pytest.fail("no name")
    await theirs.aclose()

"""What can be read of a damaged manifest is saved."""

import contextlib
import sqlite3

import numpy as np
import pytest
from collection_contract import DIMENSION, info, passage, words

from aigw.core.retrieval import Query, RetrievalError, Source
from aigw.stores.faiss.collections import FaissCollections

PAGE = 4096


@pytest.fixture
async def collections(tmp_path):
    collections = FaissCollections(tmp_path)
    yield collections
    await collections.aclose()


async def embed(passages):
    return np.ones((len(passages), DIMENSION), np.float32)


async def filled(collections, tmp_path, **others):
    """A collection of some hundred pages, closed. Returns its manifest."""
    docs = await collections.create(info(**others))
    for number in range(40):
        passages = [passage(f"{number}-{each}", f"word{number} " * 60) for each in range(10)]
        await docs.replace(Source(f"{number}.md", "digest"), passages, await embed(passages))
    await collections.aclose()
    return tmp_path / "docs" / "manifest.sqlite"


def page_of(path, table):
    """A page in the middle of a table."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        pages = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,)
        ).fetchall()
    return pages[len(pages) // 2][0]


def spoil(path, page):
    data = bytearray(path.read_bytes())
    data[(page - 1) * PAGE : page * PAGE] = b"\xff" * PAGE
    path.write_bytes(data)


@pytest.mark.parametrize("embedder", ["e5", ""])
@pytest.mark.parametrize(
    "table", ["passages", "passages_source", "sources", "words_other_data", "vectors", "partitions"]
)
async def test_a_damaged_page(collections, tmp_path, table, embedder):
    path = await filled(collections, tmp_path, embedder=embedder)
    if table == "vectors" and embedder:
        pytest.skip("no vectors are kept there")
    spoil(path, page_of(path, table))
    await collections.repair("docs", embed)
    docs = await collections.get("docs")
    stats = await docs.stats()
    assert 250 <= stats.passages <= 400
    sources = await docs.sources()
    assert {each.digest for each in sources.values()} == {""}, "all are read again"
    assert sum(each.passages for each in sources.values()) == stats.passages
    found = [each for number in range(40) for each in await words(docs, f"word{number}")]
    assert len(found) == len(set(found)) == stats.passages
    assert len((await docs.search(Query(np.ones(DIMENSION, np.float32), top=1000))).near) == stats.passages
    await docs.replace(Source("new.md", "digest"), [passage("new")], await embed([1]))
    assert await docs.remove(list(sources)) == len(sources)
    assert (await docs.stats()).passages == 1


async def test_a_manifest_that_is_gone(collections, tmp_path):
    path = await filled(collections, tmp_path)
    spoil(path, 1)
    with pytest.raises(RetrievalError, match=r"manifest.*`aigw rag repair -n docs`"):
        await collections.get("docs")
    with pytest.raises(RetrievalError, match=r"nothing can be read.*delete this folder"):
        await collections.repair("docs", embed)


async def test_a_manifest_of_a_newer_aigw(collections, tmp_path):
    path = await filled(collections, tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RetrievalError, match="upgrade aigw"):
        await collections.repair("docs", embed)
    with pytest.raises(RetrievalError, match="upgrade aigw"):
        await collections.get("docs")


async def test_a_sound_manifest_stays(collections, tmp_path):
    path = await filled(collections, tmp_path)
    before = path.stat().st_ino
    assert await collections.repair("docs", embed) == 0
    assert path.stat().st_ino == before
    assert (await (await collections.get("docs")).sources())["3.md"].digest == "digest"

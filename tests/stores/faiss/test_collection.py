"""A collection in a folder: what a killed process leaves, and damage."""

import asyncio

import pytest
from collection_contract import info, near, one, passage, rows

from aigw.core.retrieval import Query, RetrievalError
from aigw.stores.faiss import merging
from aigw.stores.faiss.collections import FaissCollections


@pytest.fixture
async def open_collections(tmp_path):
    opened = []

    async def open_():
        opened.append(FaissCollections(tmp_path))
        return opened[-1]

    yield open_
    for each in opened:
        await each.aclose()


async def test_orphans_go_with_the_first_change(open_collections, tmp_path):
    docs = await (await open_collections()).create(info())
    await docs.upsert([passage("a")], rows(0))
    orphans = [tmp_path / "docs" / name for name in ("0123.faiss", "0123.faiss.tmp")]
    for each in orphans:
        each.touch()
    again = await (await open_collections()).get("docs")
    assert await near(again, one(0)) == ["a"]
    assert all(each.exists() for each in orphans), "one who only reads leaves them to one who may be writing them"
    await again.upsert([passage("b")], rows(1))
    assert not any(each.exists() for each in orphans)
    assert set(await near(again, one(0))) == {"a", "b"}


async def test_a_damaged_manifest(open_collections, tmp_path):
    docs = await (await open_collections()).create(info())
    await docs.aclose()
    (tmp_path / "docs" / "manifest.sqlite").write_bytes(b"no database at all" * 1000)
    later = await open_collections()
    assert await later.names() == ["docs"]
    with pytest.raises(RetrievalError, match=r"manifest.*`aigw rag repair -n docs`"):
        await later.get("docs")


async def test_a_damaged_segment_names_the_remedy(open_collections, tmp_path):
    docs = await (await open_collections()).create(info())
    await docs.upsert([passage("a")], rows(0))
    (segment,) = (tmp_path / "docs").glob("*.faiss")
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    with pytest.raises(RetrievalError, match=r"damaged.*`aigw rag repair -n docs`"):
        await docs.search(Query(one(0)))
    segment.unlink()
    with pytest.raises(RetrievalError, match=r"missing.*`aigw rag repair -n docs`"):
        await docs.search(Query(one(0)))


async def test_a_merge_that_fails_does_not_fail_the_change(open_collections, tmp_path, caplog):
    docs = await (await open_collections()).create(info())
    await docs.upsert([passage("0")], rows(0))
    (segment,) = (tmp_path / "docs").glob("*.faiss")
    segment.write_bytes(b"damaged")
    for number in range(merging.MOST_PARTS + 1):
        assert await docs.upsert([passage(f"n{number}")], rows(1)) == [True]
    assert "the segments of the collection docs are not merged" in caplog.text
    assert "`aigw rag repair -n docs`" in caplog.text
    assert len(await docs.passages(range(100))) == merging.MOST_PARTS + 2


async def test_searches_while_segments_merge(open_collections, tmp_path):
    """Files go while readers of another process may be about to open them."""
    docs = await (await open_collections()).create(info())

    async def seen(theirs):
        await theirs.stats()
        return await near(theirs, one(0))

    for round_ in range(40):
        await docs.upsert([passage(str(round_))], rows(round_ % 8))
        theirs = await (await open_collections()).get("docs")
        _, found, _ = await asyncio.gather(docs.tidy(), seen(theirs), docs.upsert([passage(f"late{round_}")], rows(1)))
        assert set(map(str, range(round_ + 1))) <= set(found)

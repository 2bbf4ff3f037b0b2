"""A collection in a folder: what a killed process leaves, and damage."""

import pytest
from collection_contract import info, near, one, passage, rows

from aigw.core.retrieval import Query, RetrievalError
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
    with pytest.raises(RetrievalError, match=r"manifest.*`aigw rag repair docs`"):
        await later.get("docs")


async def test_a_damaged_segment_names_the_remedy(open_collections, tmp_path):
    docs = await (await open_collections()).create(info())
    await docs.upsert([passage("a")], rows(0))
    (segment,) = (tmp_path / "docs").glob("*.faiss")
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    with pytest.raises(RetrievalError, match=r"damaged.*`aigw rag repair docs`"):
        await docs.search(Query(one(0)))
    segment.unlink()
    with pytest.raises(RetrievalError, match=r"missing.*`aigw rag repair docs`"):
        await docs.search(Query(one(0)))

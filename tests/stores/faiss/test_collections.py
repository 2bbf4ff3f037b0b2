"""Collections in folders of this machine: what every store of collections does, and whose files they are."""

import os
import stat

import pytest
from collection_contract import CollectionContract, info, one, passage, rows

from aigw.core.retrieval import NoCollectionError, Query, RetrievalError
from aigw.stores.faiss.collections import FaissCollections


@pytest.fixture
async def another(tmp_path):
    opened = []

    async def open_():
        opened.append(FaissCollections(tmp_path / "rag"))
        return opened[-1]

    yield open_
    for each in opened:
        await each.aclose()


@pytest.fixture
async def collections(another):
    return await another()


class TestFaissCollections(CollectionContract):
    pass


async def test_only_their_user_reads_them(collections, tmp_path):
    docs = await collections.create(info())
    await docs.upsert([passage("a")], rows(0))
    folder = tmp_path / "rag" / "docs"
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)} == {0o700}
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


async def test_nothing_is_made_by_looking(collections, tmp_path):
    assert collections.version("docs") == ""
    with pytest.raises(NoCollectionError):
        await collections.get("docs")
    assert await collections.drop("docs") is False
    assert await collections.names() == []
    assert not (tmp_path / "rag").exists()


@pytest.mark.parametrize("name", ["manifest.sqlite", "lock"])
async def test_a_link_in_the_place_of_a_file_is_refused(collections, tmp_path, name):
    folder = tmp_path / "rag" / "docs"
    folder.mkdir(parents=True, mode=0o700)
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (folder / name).symlink_to(victim)
    with pytest.raises(RetrievalError, match="symbolic link"):
        await collections.create(info())
    assert victim.read_bytes() == b"mine"


async def test_a_link_in_the_place_of_a_collection_is_none(collections, another, tmp_path):
    await (await another()).create(info())
    (tmp_path / "rag" / "linked").symlink_to(tmp_path / "rag" / "docs")
    assert await collections.names() == ["docs"]
    with pytest.raises(RetrievalError, match="symbolic link"):
        await collections.get("linked")
    assert await collections.drop("linked") is False


async def test_a_pipe_in_the_place_of_a_segment(collections, another, tmp_path):
    docs = await collections.create(info())
    await docs.upsert([passage("a")], rows(0))
    (segment,) = (tmp_path / "rag" / "docs").glob("*.faiss")
    segment.unlink()
    os.mkfifo(segment)
    with pytest.raises(RetrievalError, match=r"a pipe.*rag repair -n docs"):
        await (await (await another()).get("docs")).search(Query(one(0)))


async def test_a_collection_that_was_never_finished(collections, tmp_path):
    (tmp_path / "rag" / "docs").mkdir(parents=True, mode=0o700)
    (tmp_path / "rag" / "docs" / "manifest.sqlite").touch(mode=0o600)
    assert await collections.names() == []
    with pytest.raises(NoCollectionError):
        await collections.get("docs")
    await collections.create(info())
    assert await collections.names() == ["docs"]


async def test_dropped_while_it_is_open_elsewhere(collections, another, tmp_path):
    docs = await collections.create(info())
    await docs.upsert([passage("a")], rows(0))
    other = await another()
    await other.drop("docs")
    with pytest.raises(NoCollectionError, match="dropped"):
        await docs.upsert([passage("b")], rows(1))
    await other.create(info(dimension=3))
    assert (await collections.get("docs")).info.dimension == 3
    assert [each.name for each in (tmp_path / "rag").iterdir()] == ["docs"]


async def test_what_was_closed_is_opened_again(collections):
    docs = await collections.create(info())
    await docs.aclose()
    await docs.aclose()
    with pytest.raises(RetrievalError, match="closed"):
        await docs.stats()
    assert (await (await collections.get("docs")).stats()).passages == 0


@pytest.mark.parametrize("wrong", [{"dimension": 0}, {"dimension": 20_001}, {"metric": "manhattan"}])
async def test_what_cannot_be_a_collection(collections, wrong):
    with pytest.raises(RetrievalError, match="docs cannot have"):
        await collections.create(info(**wrong))

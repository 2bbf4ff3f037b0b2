"""Collections in a real Milvus: what every store of collections does, and what machines see of each other's changes."""

import asyncio

from collection_contract import CollectionContract, info, passage, rows

from aigw.core.retrieval import Source
from aigw.stores.milvus.versions import AGE_SECONDS


async def version(collections, unlike):
    """The version of docs, once it is known, and another one than this."""
    async with asyncio.timeout(AGE_SECONDS + 5):
        while (known := collections.version("docs")).startswith("unknown") or known == unlike:  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.02)
    return known


class TestMilvusCollections(CollectionContract):
    finds_words = False

    async def test_a_change_has_another_version(self, collections, another):
        """Here at once, elsewhere soon."""
        other = await another()
        assert await version(other, None) == ""
        docs = await collections.create(info())
        seen = ["", await version(collections, None)]
        assert await version(other, "") == seen[-1]
        theirs = await other.get("docs")
        changes = (
            (docs, lambda: docs.replace(Source("a", "1"), [passage("a")], rows(0))),
            (docs, lambda: docs.upsert([passage("b")], rows(1))),
            (theirs, lambda: theirs.upsert([passage("b")], rows(2))),
            (docs, lambda: docs.delete(["b"])),
            (theirs, lambda: theirs.remove(["a"])),
        )
        for who, change in changes:
            await change()
            now = who.version()
            assert now not in seen
            assert not now.startswith("unknown")
            elsewhere = other if who is docs else collections
            assert await version(elsewhere, seen[-1]) == now
            seen.append(now)
        assert await docs.upsert([], rows()) == []
        assert await docs.delete(["nothing"]) == 0
        await docs.tidy()
        assert docs.version() == collections.version("docs") == seen[-1]
        await other.drop("docs")
        assert other.version("docs") == ""
        await other.create(info())
        assert other.version("docs") not in seen

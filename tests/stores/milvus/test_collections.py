"""Collections in a real Milvus: what every store of collections does, and what machines see of each other's changes."""

import asyncio

from collection_contract import CollectionContract, info, passage, rows

from aigw.core.retrieval import Source
from aigw.stores.milvus.versions import AGE_SECONDS


async def until(condition):
    async with asyncio.timeout(AGE_SECONDS + 5):
        while not condition():  # noqa: ASYNC110 - no event crosses machines
            await asyncio.sleep(0.02)


class TestMilvusCollections(CollectionContract):
    finds_words = False

    async def test_a_change_has_another_version(self, collections, another):
        """Here at once, elsewhere soon."""
        other = await another()
        await until(lambda: other.version("docs") == "")
        docs = await collections.create(info())
        await until(lambda: not docs.version().startswith("unknown"))
        seen = ["", docs.version()]
        await until(lambda: other.version("docs") == seen[-1])
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
            await until(lambda elsewhere=elsewhere, now=now: elsewhere.version("docs") == now)
            seen.append(now)
        assert await docs.upsert([], rows()) == []
        assert await docs.delete(["nothing"]) == 0
        await docs.tidy()
        assert docs.version() == collections.version("docs") == seen[-1]
        await other.drop("docs")
        assert other.version("docs") == ""
        await other.create(info())
        assert other.version("docs") not in seen

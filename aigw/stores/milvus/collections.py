"""The collections in a Milvus, which all machines share. Loads pymilvus only when one is used.

Rule: this machine keeps nothing of them; each is one of Milvus's own collections, whose name begins with `aigw_`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from aigw.core.retrieval import Collection, CollectionInfo, Embed, NoCollectionError, RetrievalError
from aigw.stores.collections import check, is_name
from aigw.stores.milvus.address import MilvusAddress
from aigw.stores.milvus.server import READ_SECONDS, Server
from aigw.stores.milvus.versions import Versions

if TYPE_CHECKING:
    from aigw.stores.milvus.collection import MilvusCollection
    from aigw.stores.milvus.rows import Identity
    from aigw.stores.milvus.table import Table

T = TypeVar("T")

READERS = 8
"""How many searches run at the same time."""


class MilvusCollections:
    """The collections in a Milvus. `patience` is how many seconds a read may take."""

    def __init__(self, address: MilvusAddress, *, patience: float = READ_SECONDS) -> None:
        self._server = Server(address, patience)
        self._readers = ThreadPoolExecutor(READERS, "milvus")
        self._versions = Versions(self._read_version)
        self._open: dict[str, MilvusCollection] = {}
        self._closed = False

    async def names(self) -> Sequence[str]:
        from aigw.stores.milvus import table

        return await self._run(lambda: table.names(self._server))

    async def get(self, name: str) -> Collection:
        from aigw.stores.milvus.table import Table

        try:
            if not is_name(name):
                raise NoCollectionError(f"there is no collection {name}")
            table = Table(self._server, name)
            identity = await self._run(table.identity)
        except NoCollectionError as error:
            names = ", ".join(await self.names()) or "none yet"
            raise NoCollectionError(f"{error}; there are: {names}") from None
        return await self._opened(table, identity)

    async def create(self, info: CollectionInfo) -> Collection:
        from aigw.stores.milvus.rows import Identity
        from aigw.stores.milvus.table import Table

        check(info)
        identity = Identity(info, secrets.token_hex(8))
        await self._run(lambda: Table(self._server, info.name).create(identity))
        await self._run(lambda: self._versions.changed(info.name))
        return await self.get(info.name)

    async def drop(self, name: str) -> bool:
        from aigw.stores.milvus.table import Table

        if not is_name(name):
            return False
        if (opened := self._open.pop(name, None)) is not None:
            await opened.aclose()
        dropped = await self._run(Table(self._server, name).drop)
        await self._run(lambda: self._versions.changed(name))
        return dropped

    def version(self, name: str) -> str:
        return self._versions.get(name) if is_name(name) else ""

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Locks nothing. If two processes bring in the same source at once, the later one wins as a whole."""
        yield

    async def reindex(self, name: str, embedder: str, dimension: int, embed: Embed) -> int:
        await self.get(name)
        raise RetrievalError(
            f"the collection {name} is in a Milvus, where it gets no other embedder: ingest into another one "
            f"(--collection), or remove it (`aigw rag rm --all --collection {name}`) and ingest again"
        )

    async def repair(self, name: str, embed: Embed) -> int:
        await self.get(name)
        raise RetrievalError(
            f"the collection {name} is in a Milvus, which keeps its own files; nothing is to repair here"
        )

    async def aclose(self) -> None:
        self._closed = True
        opened, self._open = self._open, {}
        for each in opened.values():
            await each.aclose()
        await asyncio.to_thread(self._close)

    async def _opened(self, table: Table, identity: Identity) -> MilvusCollection:
        from aigw.stores.milvus.collection import MilvusCollection

        found = self._open.get(table.name)
        if found is not None and not found.is_closed and found.identity == identity:
            return found
        self._open[table.name] = MilvusCollection(table, identity, self._readers, self._versions)
        if found is not None:
            await found.aclose()
        return self._open[table.name]

    def _close(self) -> None:
        self._versions.close()
        self._server.close()
        self._readers.shutdown()

    async def _run(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise RetrievalError("the collections have been closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)

    def _read_version(self, name: str) -> str:
        from aigw.stores.milvus import changes
        from aigw.stores.milvus.table import Table

        try:
            return changes.version(Table(self._server, name), time.time())
        except NoCollectionError:
            return ""

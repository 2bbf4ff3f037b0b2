"""The collections of this machine: a folder each. Loads numpy, SQLite and FAISS only when one is opened.

Rule: a collection exists once its manifest says what it is, and no longer exists once its folder is renamed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aigw.core.retrieval import CollectionInfo, Embed, NoCollectionError, RetrievalError
from aigw.stores.collections import check, check_name, is_name
from aigw.stores.faiss.lock import PATIENCE, awaited, held
from aigw.stores.private import identity, make_folder, refuse_strange_folder

if TYPE_CHECKING:
    from aigw.stores.faiss.collection import FaissCollection

FOLDER = "rag"
"""The folder below the state folder."""
LOCK = "lock"
_DROPPED = ".dropped-"


class FaissCollections:
    """The collections in a folder. `patience` is how many seconds a change waits for another process that changes the
    same collection. `tell` gets a sentence if it has to wait; it is called in a thread."""

    def __init__(self, folder: Path, *, patience: float = PATIENCE, tell: Callable[[str], None] | None = None) -> None:
        self._folder = folder
        self._patience = patience
        self._tell = tell
        self._open: dict[str, FaissCollection] = {}

    async def names(self) -> Sequence[str]:
        return await asyncio.to_thread(self._names)

    async def get(self, name: str) -> FaissCollection:
        if (found := self._ready(name)) is not None:
            return found
        try:
            return self._keep(name, await asyncio.to_thread(self._opened, name))
        except NoCollectionError:
            names = ", ".join(await self.names()) or "none yet"
            raise NoCollectionError(f"there is no collection {name}; there are: {names}") from None

    async def create(self, info: CollectionInfo) -> FaissCollection:
        check(info)
        await asyncio.to_thread(self._create, info)
        return await self.get(info.name)

    async def drop(self, name: str) -> bool:
        if not is_name(name):
            return False
        if (opened := self._open.pop(name, None)) is not None:
            await opened.aclose()
        return await asyncio.to_thread(self._drop, name)

    def version(self, name: str) -> str:
        found = self._ready(name)
        if found is None:
            try:
                found = self._keep(name, self._opened(name))
            except NoCollectionError:
                return ""
        return found.version()

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Holds a lock for ingests. It is not the lock of changes, so that whoever adds a single passage does not wait
        for a long ingest."""
        from aigw.stores.faiss.failures import told

        check_name(name)
        with told(name):
            make_folder(self._folder)
        async with awaited(self._folder / f".{name}.{LOCK}", name, self._patience, self._tell):
            yield

    async def reindex(self, name: str, embedder: str, dimension: int, embed: Embed) -> int:
        check(CollectionInfo(name, dimension))
        return await (await self.get(name)).reindex(embedder, dimension, embed)

    async def repair(self, name: str, embed: Embed) -> int:
        if is_name(name):
            if (opened := self._open.pop(name, None)) is not None:
                await opened.aclose()
            await asyncio.to_thread(self._save, name)
        return await (await self.get(name)).repair(embed)

    async def aclose(self) -> None:
        opened, self._open = self._open, {}
        for each in opened.values():
            await each.aclose()

    def _ready(self, name: str) -> FaissCollection | None:
        found = self._open.get(name)
        return found if found is not None and found.is_there else None

    def _keep(self, name: str, opened: FaissCollection) -> FaissCollection:
        """Keeps a collection that was opened, unless another call has opened it before. A collection that was dropped
        meanwhile is closed when nobody uses it."""
        if (found := self._ready(name)) is not None:
            opened.discard()
            return found
        if (old := self._open.pop(name, None)) is not None:
            old.discard()
        self._open[name] = opened
        return opened

    def _opened(self, name: str) -> FaissCollection:
        from aigw.stores.faiss.collection import FaissCollection
        from aigw.stores.faiss.failures import told

        if not is_name(name):
            raise NoCollectionError(f"there is no collection {name}")
        with told(name):
            refuse_strange_folder(self._folder)
            refuse_strange_folder(self._folder / name)
            return FaissCollection(self._folder / name, name, self._patience, self._tell)

    def _names(self) -> list[str]:
        from aigw.stores.faiss.failures import told

        with told(""):
            refuse_strange_folder(self._folder)
            if not self._folder.is_dir():
                return []
            return sorted(each.name for each in self._folder.iterdir() if is_name(each.name) and _is_finished(each))

    def _create(self, info: CollectionInfo) -> None:
        from aigw.stores.faiss import manifest
        from aigw.stores.faiss.changes import transaction
        from aigw.stores.faiss.failures import told
        from aigw.stores.sqlite_file import open_for_writing

        folder = self._folder / info.name
        with told(info.name), _locked(folder, info.name, self._patience, self._tell):
            connection = open_for_writing(manifest.path_of(folder), manifest.format_of(info.name))
            with contextlib.closing(connection), transaction(connection):
                try:
                    manifest.head(connection, info.name)
                except NoCollectionError:
                    manifest.begin_collection(connection, info)
                else:
                    raise RetrievalError(f"there is a collection {info.name} already")

    def _save(self, name: str) -> None:
        """Puts another manifest in the place of a damaged one."""
        from aigw.stores.faiss import salvage
        from aigw.stores.faiss.failures import told

        folder = self._folder / name
        with told(name):
            refuse_strange_folder(folder)
            if folder.is_dir():
                with held(folder / LOCK, name, self._patience, self._tell):
                    salvage.save(folder, name)

    def _drop(self, name: str) -> bool:
        from aigw.stores.faiss.failures import told

        folder = self._folder / name
        with told(name):
            if not folder.is_dir() or folder.is_symlink():
                return False
            with _locked(folder, name, self._patience, self._tell):
                there = _is_finished(folder)
                dropped = self._folder / f"{_DROPPED}{secrets.token_hex(8)}"
                if sys.platform != "win32":
                    folder.rename(dropped)
            if sys.platform == "win32":  # which moves no folder with an open file
                folder.rename(dropped)
            for each in self._folder.glob(f"{_DROPPED}*"):
                shutil.rmtree(each, ignore_errors=True)
            return there


def _is_finished(folder: Path) -> bool:
    """Whether there is a collection. A damaged one is there, so that it can be repaired or dropped."""
    from aigw.stores.faiss import manifest
    from aigw.stores.faiss.failures import told
    from aigw.stores.sqlite_file import open_for_reading

    path = manifest.path_of(folder)
    if folder.is_symlink() or not path.exists():
        return False
    try:
        with told(folder.name):
            connection = open_for_reading(path, manifest.format_of(folder.name))
            if connection is None:
                return False
            with contextlib.closing(connection):
                manifest.head(connection, folder.name)
    except NoCollectionError:
        return False
    except RetrievalError:
        pass
    return True


@contextlib.contextmanager
def _locked(folder: Path, name: str, patience: float, tell: Callable[[str], None] | None) -> Iterator[None]:
    """Holds the lock of a collection that may not be there yet. Makes its folder, also if another process drops that
    meanwhile."""
    while True:
        make_folder(folder)
        before = identity(folder)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(folder / LOCK, name, patience, tell))
            except FileNotFoundError:
                continue
            if identity(folder) == before:
                yield
                return

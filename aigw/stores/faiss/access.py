"""Access to a collection: reads in a few threads with a connection each, changes in one thread, under a lock that all
processes share.

Rule: each job reads in one transaction, so its results fit together. A collection that was dropped meanwhile is gone,
even if there is a new one of its name."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from aigw.core.retrieval import NoCollectionError, RetrievalError
from aigw.stores.faiss import manifest, segments
from aigw.stores.faiss.failures import told
from aigw.stores.faiss.lock import HeldError, held
from aigw.stores.faiss.manifest import Head
from aigw.stores.faiss.segments import MissingSegmentError
from aigw.stores.faiss.snapshot import Snapshot, load
from aigw.stores.private import identity
from aigw.stores.sqlite_file import open_for_reading, open_for_writing

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

LOCK = "lock"
MERGING = "merging"
"""The file of the lock of whoever merges large segments, which is not that of changes."""
READERS = 4
"""How many searches run at the same time."""
_TRIES = 20
"""How often a read is repeated because a segment was merged meanwhile. Five were too few while two processes wrote
without a pause on a busy machine."""


class Access:
    def __init__(self, folder: Path, name: str, patience: float, tell: Callable[[str], None] | None) -> None:
        """Takes milliseconds. Raises NoCollectionError, RetrievalError."""
        self.folder = folder
        self.name = name
        self.stopped = threading.Event()
        """Set when the collection is closed."""
        self.snapshot: Snapshot | None = None
        """The snapshot of the last look."""
        self._path = manifest.path_of(folder)
        self._patience = patience
        self._tell = tell
        self._readers = ThreadPoolExecutor(READERS, f"search-{name}")
        self._writer = ThreadPoolExecutor(1, f"write-{name}")
        self._idle: list[sqlite3.Connection] = []
        """Connections of readers that nobody uses now."""
        self._writing: sqlite3.Connection | None = None
        self._loading = threading.Lock()
        with told(name):
            self._watch = self._connect()
            try:
                self._identity = identity(self._path)
                self._head = manifest.head(self._watch, name)
            except BaseException:
                self._watch.close()
                raise

    @property
    def is_there(self) -> bool:
        """False once it was dropped, by whomever, or closed."""
        return not self.stopped.is_set() and identity(self._path) == self._identity

    def head(self) -> Head:
        """Returns the head of the manifest. Takes microseconds. Raises RetrievalError."""
        self._refuse_absent()
        with told(self.name):
            self._head = manifest.head(self._watch, self.name)
        return self._head

    def current(self, connection: sqlite3.Connection) -> Snapshot:
        with self._loading:
            self.snapshot = load(connection, self.folder, self.name, self.snapshot)
            return self.snapshot

    async def read(self, job: Job[T]) -> T:
        return await self.run(lambda: self._read_now(job))

    async def write(self, job: Job[T]) -> T:
        """The job runs under the lock of the collection. It begins transactions itself."""
        self._refuse_absent()
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._write_now, job)

    async def run(self, job: Callable[[], T]) -> T:
        """Runs what needs neither a connection nor the lock."""
        self._refuse_absent()
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)

    def close(self) -> None:
        """Waits for jobs that are under way, and closes the collection."""
        self.stopped.set()
        self._readers.shutdown()
        self._writer.shutdown()
        for connection in (*self._idle, self._watch, *([self._writing] if self._writing else ())):
            connection.close()

    def _read_now(self, job: Job[T]) -> T:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(MissingSegmentError), told(self.name), self._reading() as connection:
                return job(connection)
        with told(self.name), self._reading() as connection:
            return job(connection)

    def _write_now(self, job: Job[T]) -> T:
        with told(self.name), held(self.folder / LOCK, self.name, self._patience, self._tell):
            self._refuse_absent()
            with self._writable() as connection:
                return job(connection)

    @contextlib.contextmanager
    def _writable(self) -> Iterator[sqlite3.Connection]:
        """The connection of the writer. When it is opened, what a killed process has left is removed."""
        if self._writing is None:
            self._writing = open_for_writing(self._path, manifest.format_of(self.name))
            self._writing.execute("PRAGMA synchronous = FULL")
            named = [file for (file,) in self._writing.execute("SELECT file FROM segments")]
            with contextlib.suppress(HeldError), held(self.folder / MERGING, self.name, 0.0):  # else it is no orphan
                segments.remove(self.folder, segments.orphans(self.folder, named))
        try:
            yield self._writing
        except sqlite3.Error:
            self._writing.close()
            self._writing = None
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = open_for_reading(self._path, manifest.format_of(self.name))
        if connection is None:
            raise NoCollectionError(f"there is no collection {self.name}")
        return connection

    def _refuse_absent(self) -> None:
        if identity(self._path) != self._identity:
            raise NoCollectionError(f"the collection {self.name} was dropped")
        if self.stopped.is_set():
            raise RetrievalError(f"the collection {self.name} has been closed")

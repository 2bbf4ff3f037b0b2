"""The cache folder of a process: which thread reads it, which one writes it, and how much it may hold.

Rule: reads run on the event loop, because they take microseconds and wait for nothing. Writes run in a thread; those
that came in the meantime are one transaction, and their callers wait until it is committed. Values for which nobody
waits are gathered for a moment, because a commit costs as much as ten of them, and after it SQLite reads its pages
again."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from diskcache import Cache

from aigw.core.stores import StoreError
from aigw.stores.disk.file import FAILURES, FILE_NAME, Values, limit_values, open_cache, store, value_of
from aigw.stores.shared_file import SharedFile

log = logging.getLogger("aigw")

T = TypeVar("T")
Job = Callable[[Cache], Any]

FOLDER = "cache"
"""The folder below the state folder."""
SIZE = 1 << 30
LARGEST = 32 << 20
EXPIRE_SECONDS = 60.0
"""How often expired values are deleted."""
SOON_SECONDS = 0.02
"""How long values for which nobody waits are gathered before they are written together. At 1,000 values a second this
saves 80 us for each."""
SOON_BYTES = 4 << 20
"""If this many bytes are gathered, they are written without waiting for more."""
MOST_WAITING = 64 << 20
"""If more bytes than this are not written yet, values for which nobody waits are dropped."""


class _Waiting(NamedTuple):
    """A job that waits for the thread that writes. `done` is None if nobody waits for the job. `values` are those that
    it stores for nobody."""

    job: Job
    done: asyncio.Future[Any] | None
    values: Values


class DiskCache:
    """Above about `size` bytes the oldest values are dropped. A value of more than `largest` bytes (LARGEST, or a
    quarter of `size`) is not kept. `now` returns seconds since 1970."""

    def __init__(
        self,
        folder: Path,
        *,
        size: int = SIZE,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = now
        self.largest = min(LARGEST, size // 4)
        self._monotonic = monotonic
        self._folder = folder
        self._size = size
        self._thread = ThreadPoolExecutor(1, "cache")
        self._shared_file = SharedFile(folder / FILE_NAME, self._open, self._close, monotonic=monotonic)
        self._readable: Cache | None = None
        """The cache to which the thread of the event loop has a connection."""
        self._waiting: list[_Waiting] = []
        self._gathered: Values = {}
        """Values for which nobody waits. They came after all that is in `_waiting`."""
        self._unwritten: Values = {}
        """The values for which nobody waits, until they are committed."""
        self._unwritten_bytes = 0
        self._soon: asyncio.TimerHandle | None = None
        self._working: asyncio.Task[None] | None = None
        self._expire_at = 0.0

    async def read(self, look: Callable[[Cache], T]) -> T:
        """Raises StoreError."""
        cache = await self._open_one()
        try:
            if cache is not self._readable:
                limit_values(cache, self.largest)
                self._readable = cache
            return look(cache)
        except FAILURES as error:
            raise await self._failed(cache, error) from None

    async def value(self, key: bytes) -> bytes:
        """The value of a key, expired or not; b"" if there is none. Raises StoreError."""
        unwritten = self._unwritten.get(key)
        return unwritten[0] if unwritten is not None else await self.read(lambda cache: value_of(cache, key))

    def put_soon(self, key: bytes, whole: bytes, ttl: float | None) -> None:
        """Keeps a value, which `value` finds at once. It is lost if the cache cannot be written."""
        size = len(whole)
        if self._unwritten_bytes + size > min(MOST_WAITING, self._size):
            return
        if (before := self._gathered.get(key)) is not None:
            self._unwritten_bytes -= len(before[0])
        self._unwritten[key] = self._gathered[key] = whole, ttl
        self._unwritten_bytes += size
        self._write_soon()

    def drop_soon(self, key: bytes) -> None:
        self._wait(lambda cache: cache.delete(key))
        self._write_soon()

    async def open(self) -> None:
        """Opens it before somebody waits for that. Raises StoreError."""
        await self.read(lambda cache: None)

    async def write(self, job: Callable[[Cache], T]) -> T:
        """Returns when the change is committed. Raises StoreError."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._wait(job, done)
        self._write_now()
        return await done

    async def aclose(self) -> None:
        self._write_now()
        while self._working is not None:  # what came meanwhile is written, too
            await asyncio.wait([self._working])
            self._write_now()
        await self._shared_file.aclose()
        self._thread.shutdown()

    def _wait(self, job: Job, done: asyncio.Future[Any] | None = None) -> None:
        """Puts a job behind all that came before it."""
        if values := self._gathered:
            self._gathered = {}
            self._waiting.append(_Waiting(lambda cache: store(cache, values), None, values))
        self._waiting.append(_Waiting(job, done, {}))

    def _write_soon(self) -> None:
        """Lets the thread write in a moment, or now if there is much."""
        if self._working is None and self._unwritten_bytes >= SOON_BYTES:
            self._write_now()
        elif self._working is None and self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(SOON_SECONDS, self._write_now)

    def _write_now(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._working is None and (self._waiting or self._gathered):
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while True:
            self._wait(_no_job)  # so that what was gathered is written
            waiting, self._waiting = self._waiting, []
            try:
                outcomes = await self._outcomes([one.job for one in waiting])
            except Exception as error:  # noqa: BLE001  a bug: nobody waits for ever, and the next ones are written
                outcomes = [error] * len(waiting)
            for one, outcome in zip(waiting, outcomes, strict=True):
                self._tell(one, outcome)
            if not any(one.done for one in self._waiting):
                break
        self._working = None
        if self._waiting or self._gathered:
            self._write_soon()

    def _tell(self, one: _Waiting, outcome: Any) -> None:
        if one.done is None and isinstance(outcome, Exception):
            log.debug("values were not kept: %s", outcome)
        elif one.done is not None and not one.done.done():  # somebody still waits
            if isinstance(outcome, Exception):
                one.done.set_exception(outcome)
            else:
                one.done.set_result(outcome)
        for key, value in one.values.items():
            self._unwritten_bytes -= len(value[0])
            if self._unwritten.get(key) is value:
                del self._unwritten[key]

    async def _outcomes(self, jobs: list[Job]) -> list[Any]:
        try:
            cache = await self._open_one()
        except StoreError as error:
            return [StoreError(str(error)) for _ in jobs]
        try:
            return await self._in_thread(self._commit, cache, jobs)
        except FAILURES as error:
            failure = await self._failed(cache, error)
            return [StoreError(str(failure)) for _ in jobs]

    def _commit(self, cache: Cache, jobs: list[Job]) -> list[Any]:
        outcomes: list[Any] = []
        with cache.transact():
            for job in jobs:
                try:
                    outcomes.append(job(cache))
                except sqlite3.DataError as error:  # a key that is too large
                    outcomes.append(StoreError(f"{self._shared_file.path} cannot hold it: {error}"))
        if self._monotonic() > self._expire_at:
            self._expire_at = self._monotonic() + EXPIRE_SECONDS
            cache.expire()
        if cache.volume() > self._size:
            cache.cull()
        return outcomes

    async def _open_one(self) -> Cache:
        cache = self._shared_file.ready()  # no `or`: a Cache asks its file for its length to say whether it is true
        return await self._shared_file.get() if cache is None else cache

    async def _open(self) -> Cache:
        return await self._in_thread(open_cache, self._folder, self._size, self.largest)

    async def _close(self, cache: Cache) -> None:
        """Closes the connections of both threads."""
        cache.close()
        await self._in_thread(cache.close)

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    async def _failed(self, cache: Cache, error: Exception) -> StoreError:
        await self._shared_file.reopen(cache)
        why = str(error) or "another process has been writing too long"
        return StoreError(f"{self._shared_file.path} cannot be used: {why}")


def _no_job(cache: Cache) -> None:
    """A job that does nothing."""

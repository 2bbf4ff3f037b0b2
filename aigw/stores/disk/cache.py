"""The cache folder of a process: which thread reads it, which one writes it, and how much it may hold.

Rule: reads run on the event loop, because they take microseconds and wait for nothing. Writes run in a thread; those
that came meanwhile are one transaction, and their callers wait until it is committed."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from diskcache import Cache

from aigw.core.stores import StoreError
from aigw.stores.disk.file import FAILURES, FILE_NAME, limit_values, open_cache
from aigw.stores.opening import Opening

T = TypeVar("T")
Job = Callable[[Cache], Any]

FOLDER = "cache"
"""The folder below the state folder."""
SIZE = 1 << 30
LARGEST = 32 << 20
EXPIRE_SECONDS = 60.0
"""How often expired values are deleted."""


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
        self._opening = Opening(folder / FILE_NAME, self._open, self._close, monotonic=monotonic)
        self._readable: Cache | None = None
        """The cache to which the thread of the event loop has a connection."""
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
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

    async def write(self, job: Callable[[Cache], T]) -> T:
        """Returns when the change is committed. Raises StoreError."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await done

    async def aclose(self) -> None:
        if self._working is not None:
            await asyncio.wait([self._working])
        await self._opening.aclose()
        self._thread.shutdown()

    async def _work(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                outcomes = await self._outcomes([job for job, _ in waiting])
            except Exception as error:  # noqa: BLE001  a bug: nobody waits for ever, and the next ones are written
                outcomes = [error] * len(waiting)
            for (_, done), outcome in zip(waiting, outcomes, strict=True):
                if done.done():  # nobody waits any more
                    continue
                if isinstance(outcome, Exception):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)
        self._working = None

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
                    outcomes.append(StoreError(f"{self._opening.path} cannot hold it: {error}"))
        if self._monotonic() > self._expire_at:
            self._expire_at = self._monotonic() + EXPIRE_SECONDS
            cache.expire()
        if cache.volume() > self._size:
            cache.cull()
        return outcomes

    async def _open_one(self) -> Cache:
        cache = self._opening.ready()  # no `or`: a Cache asks its file for its length to say whether it is true
        return await self._opening.get() if cache is None else cache

    async def _open(self) -> Cache:
        return await self._in_thread(open_cache, self._folder, self._size, self.largest)

    async def _close(self, cache: Cache) -> None:
        """Closes the connections of both threads."""
        cache.close()
        await self._in_thread(cache.close)

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    async def _failed(self, cache: Cache, error: Exception) -> StoreError:
        await self._opening.reopen(cache)
        why = str(error) or "another process has been writing too long"
        return StoreError(f"{self._opening.path} cannot be used: {why}")

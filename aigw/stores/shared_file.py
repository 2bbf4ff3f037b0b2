"""Opens a file at its first use, and shares it from then on.

Rule: if the file was moved or deleted, it is opened again within CHECK_SECONDS. If it cannot be opened, calls fail at
once, and opening is tried again after RETRY_SECONDS, so that a broken disk costs a request next to nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

from aigw.core.stores import StoreError
from aigw.stores.private import identity

T = TypeVar("T")

CHECK_SECONDS = 1.0
RETRY_SECONDS = 1.0


class SharedFile(Generic[T]):
    """`open_` opens, and raises StoreError. `close` gets what `open_` returned, when nobody begins anything with it."""

    def __init__(
        self,
        path: Path,
        open_: Callable[[], Awaitable[T]],
        close: Callable[[T], Awaitable[None]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._open = open_
        self._close = close
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._looking: asyncio.Task[T] | None = None
        self._opened: T | None = None
        self._identity: tuple[int, int] | None = None
        self._until = 0.0
        """Until this time `_opened` is used, or `_failure` raised again, without a look at the file."""
        self._failure = ""
        self._ended = False

    def ready(self) -> T | None:
        """Returns what `get` would return, without waiting and without checking the file; None if `get` would have to
        check it."""
        return self._opened if self._monotonic() < self._until else None

    async def get(self) -> T:
        """Raises StoreError. A caller that is cancelled does not cancel the opening for the others."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(_retrieve)
        return await asyncio.shield(self._looking)

    async def reopen(self, broken: T) -> None:
        """Closes what has failed. The next `get` opens it again."""
        async with self._lock:
            if self._opened is broken:
                await self._shut()

    async def aclose(self) -> None:
        async with self._lock:
            self._ended = True
            await self._shut()

    async def _look(self) -> T:
        async with self._lock:
            if self._ended:
                raise StoreError(f"{self.path} is closed")
            if self._opened is None and self._monotonic() < self._until:
                raise StoreError(self._failure)
            if self._opened is not None and identity(self.path) != self._identity:
                await self._shut()
            opened = self._opened if self._opened is not None else await self._try()
            self._until = self._monotonic() + CHECK_SECONDS
            return opened

    async def _try(self) -> T:
        try:
            opened = self._opened = await self._open()
        except StoreError as error:
            self._failure = str(error)
            self._until = self._monotonic() + RETRY_SECONDS
            raise
        self._identity = identity(self.path)
        return opened

    async def _shut(self) -> None:
        opened, self._opened, self._until = self._opened, None, 0.0
        if opened is not None:
            await self._close(opened)


def _retrieve(task: asyncio.Task[T]) -> None:
    """Takes the exception of a task for which nobody may be waiting any more, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()

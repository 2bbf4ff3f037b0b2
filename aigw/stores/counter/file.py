"""The file of the counters: one decision at a time, of all processes, and nobody waits for a lock on the event loop.

Rule: decisions run on the event loop, because they take microseconds; those of one turn of the loop are one
transaction, which is most of what they cost. Where another process is deciding, what comes meanwhile waits."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aigw.core.stores import StoreError
from aigw.stores.counter.schema import PRUNE_SECONDS, open_counters, prune
from aigw.stores.opening import Opening
from aigw.stores.sqlite_file import is_busy

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

TURN_SECONDS = 0.0003
"""Another process's decision takes a fifth of it."""
TURN = 32
"""Decisions in one transaction, which is about a millisecond."""


class _Waiting(NamedTuple):
    decision: Callable[[sqlite3.Connection], Any]
    outcome: asyncio.Future[Any]
    until: float


class CounterFile:
    """`now` gives seconds since 1970."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._opening = Opening(path, lambda: asyncio.to_thread(open_counters, path), _close)
        self._waiting: deque[_Waiting] = deque()
        self._soon: asyncio.Handle | None = None
        self._turns: asyncio.Task[None] | None = None
        self._pruning: asyncio.Task[None] | None = None
        self._prune_at = 0.0

    async def read(self, look: Callable[[sqlite3.Connection], T], patience: float) -> T:
        """One state of the file. Raises StoreError."""
        import sqlite3

        connection = self._opening.ready() or await self._look()
        try:
            return _transact(connection, "BEGIN", look)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise await self._failed(connection, error) from None
        return await self._wait(look, patience)

    async def decide(self, decision: Callable[[sqlite3.Connection], T], patience: float) -> T:
        """Nobody else changes the file meanwhile, and what `decision` changes is kept. It is not called once its caller
        was cancelled; it may be called again where the file could not be written. Of what it raises, a StoreError,
        the others in the same transaction notice nothing.

        Raises StoreError, also for who waited `patience` seconds."""
        return await self._wait(decision, patience)

    def later(self, decision: Callable[[sqlite3.Connection], Any], patience: float) -> None:
        """Decides for a caller that cannot wait any more."""
        self._wait(decision, patience).add_done_callback(_retrieve)

    async def aclose(self) -> None:
        """Waits for what is still to be decided."""
        if self._soon is not None:
            self._soon.cancel()
            self._take_turn_now()
        for task in (self._turns, self._pruning):
            if task is not None:
                await asyncio.wait([task])
        await self._opening.aclose()

    def _wait(self, act: Callable[[sqlite3.Connection], T], patience: float) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Waiting(act, outcome, time.monotonic() + patience))
        if self._soon is None and (self._turns is None or self._turns.done()):
            self._soon = loop.call_soon(self._take_turn_now)
        return outcome

    def _take_turn_now(self) -> None:
        """Decides at once what the file lets decide at once; a task waits for the rest."""
        import sqlite3

        self._soon = None
        connection = self._opening.ready()
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # the task tells why, if it is not over by then
                self._take_turn(connection)
        if self._waiting:
            self._turns = asyncio.get_running_loop().create_task(self._take_turns())

    async def _take_turns(self) -> None:
        import sqlite3

        while self._waiting:
            try:
                connection = self._opening.ready() or await self._look()
                self._take_turn(connection)
            except StoreError as error:
                self._give_up(str(error))
            except sqlite3.Error as error:
                if is_busy(error):
                    self._give_up(f"{self._opening.path} is busy: another process is writing", time.monotonic())
                else:
                    self._give_up(str(await self._failed(connection, error)))
            if self._waiting:
                await asyncio.sleep(TURN_SECONDS)

    def _take_turn(self, connection: sqlite3.Connection) -> None:
        """Decides what has waited longest. Raises sqlite3.Error, and then all of it still waits."""
        import sqlite3

        turn = [one for one in islice(self._waiting, TURN) if not one.outcome.done()]
        decided: list[Any] = []

        def decide(held: sqlite3.Connection) -> None:
            for one in turn:
                decided.append(_decided(one, held))  # noqa: PERF401  what was decided before an error counts

        try:
            _transact(connection, "BEGIN IMMEDIATE", decide)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001  a bug: all is undone, and only who asked for it hears of it
            faulty = turn[len(decided)]
            self._waiting.remove(faulty)
            faulty.outcome.set_exception(error)
            return
        for _ in range(min(TURN, len(self._waiting))):
            self._waiting.popleft()
        for one, result in zip(turn, decided, strict=True):
            if isinstance(result, StoreError):
                one.outcome.set_exception(result)
            else:
                one.outcome.set_result(result)

    def _give_up(self, why: str, until: float = math.inf) -> None:
        """Tells those who may wait until then at most."""
        late = [one for one in self._waiting if one.until < until]
        self._waiting = deque(one for one in self._waiting if one.until >= until)
        for one in late:
            if not one.outcome.done():
                one.outcome.set_exception(StoreError(why))

    async def _look(self) -> sqlite3.Connection:
        """About once a second."""
        connection = await self._opening.get()
        if time.monotonic() > self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            self._pruning = asyncio.create_task(asyncio.to_thread(prune, self._opening.path, self.now()))
        return connection

    async def _failed(self, connection: sqlite3.Connection, error: Exception) -> StoreError:
        await self._opening.reopen(connection)
        return StoreError(f"{self._opening.path} cannot be used: {error}")


async def _close(connection: sqlite3.Connection) -> None:
    connection.close()


def _transact(connection: sqlite3.Connection, begin: str, act: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute(begin)
    try:
        result = act(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself may have rolled back
            connection.execute("ROLLBACK")
        raise
    return result


def _decided(one: _Waiting, connection: sqlite3.Connection) -> Any:
    try:
        return one.decision(connection)
    except StoreError as error:
        return error


def _retrieve(outcome: asyncio.Future[Any]) -> None:
    """Nobody asks what became of it."""
    if not outcome.cancelled():
        outcome.exception()

"""The file of the counters. All processes together make one decision at a time; none blocks its event loop for that.

Rule: decisions run on the event loop, because they take microseconds. All decisions of one turn of the loop are one
transaction, because that is most of their cost. While another process decides, new decisions wait."""

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
from aigw.stores.counter.schema import PRUNE_SECONDS, open_counters, prune, transact
from aigw.stores.counter.transaction import Transaction
from aigw.stores.shared_file import SharedFile
from aigw.stores.sqlite_file import is_busy

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

TURN_SECONDS = 0.0003
"""How long to wait for another process. A decision takes a fifth of it."""
TURN = 32
"""How many decisions a transaction may have: they take about a millisecond."""


class _Waiting(NamedTuple):
    decision: Callable[[Transaction], Any]
    outcome: asyncio.Future[Any]
    until: float


class CounterFile:
    """The counters of one file. `now` returns seconds since 1970."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._shared_file = SharedFile(path, lambda: asyncio.to_thread(open_counters, path, now), _close)
        self._waiting: deque[_Waiting] = deque()
        self._soon: asyncio.Handle | None = None
        self._turns: asyncio.Task[None] | None = None
        self._pruning: asyncio.Task[None] | None = None
        self._prune_at = 0.0

    async def read(self, look: Callable[[sqlite3.Connection], T], patience: float) -> T:
        """Looks at one state of the file. Raises StoreError."""
        import sqlite3

        connection = self._shared_file.ready() or await self._look()
        try:
            return transact(connection, "BEGIN", look)
        except sqlite3.Error as error:
            if not is_busy(error):
                raise await self._failed(connection, error) from None
        return await self._wait(lambda transaction: look(transaction.connection), patience)

    def decide(self, decision: Callable[[Transaction], T], patience: float) -> asyncio.Future[T]:
        """Runs `decision` while nobody else changes the file, and writes its changes. It is not called if the caller
        was cancelled, and it is called again if the file could not be written. If it raises StoreError, the other
        decisions of the transaction are not affected. The future raises StoreError, also after `patience` seconds."""
        return self._wait(decision, patience)

    async def open(self) -> None:
        """Opens it before somebody waits for that. Raises StoreError."""
        await self._shared_file.get()

    def later(self, decision: Callable[[Transaction], Any], patience: float) -> None:
        """Runs a decision for a caller that cannot wait any more."""
        self._wait(decision, patience).add_done_callback(_retrieve)

    async def aclose(self) -> None:
        """Waits for the decisions that are left."""
        if self._soon is not None:
            self._soon.cancel()
            self._take_turn_now()
        for task in (self._turns, self._pruning):
            if task is not None:
                await asyncio.wait([task])
        await self._shared_file.aclose()

    def _wait(self, act: Callable[[Transaction], T], patience: float) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Waiting(act, outcome, time.monotonic() + patience))
        if self._soon is None and (self._turns is None or self._turns.done()):
            self._soon = loop.call_soon(self._take_turn_now)
        return outcome

    def _take_turn_now(self) -> None:
        """Makes the decisions that the file allows now. A task waits for the others."""
        import sqlite3

        self._soon = None
        connection = self._shared_file.ready()
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # if the trouble lasts, the task will tell
                self._take_turn(connection)
        if self._waiting:
            self._turns = asyncio.get_running_loop().create_task(self._take_turns())

    async def _take_turns(self) -> None:
        import sqlite3

        while self._waiting:
            try:
                connection = self._shared_file.ready() or await self._look()
                self._take_turn(connection)
            except StoreError as error:
                self._give_up(str(error))
            except sqlite3.Error as error:
                if is_busy(error):
                    self._give_up(f"{self._shared_file.path} is busy: another process is writing", time.monotonic())
                else:
                    self._give_up(str(await self._failed(connection, error)))
            if self._waiting:
                await asyncio.sleep(TURN_SECONDS)

    def _take_turn(self, connection: sqlite3.Connection) -> None:
        """Makes the decisions that have waited longest. If it raises sqlite3.Error, all of them still wait."""
        import sqlite3

        turn = [one for one in islice(self._waiting, TURN) if not one.outcome.done()]
        decided: list[Any] = []

        def decide(held: sqlite3.Connection) -> None:
            transaction = Transaction(held)
            for one in turn:
                decided.append(_decided(one, transaction))  # noqa: PERF401  what was decided before an error counts

        try:
            transact(connection, "BEGIN IMMEDIATE", decide)
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
        """Fails the decisions whose patience ends by then."""
        late = [one for one in self._waiting if one.until < until]
        self._waiting = deque(one for one in self._waiting if one.until >= until)
        for one in late:
            if not one.outcome.done():
                one.outcome.set_exception(StoreError(why))

    async def _look(self) -> sqlite3.Connection:
        """Opens the file, and checks about once a second that it is still the same."""
        connection = await self._shared_file.get()
        if time.monotonic() > self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            self._pruning = asyncio.create_task(asyncio.to_thread(prune, self._shared_file.path, self.now()))
        return connection

    async def _failed(self, connection: sqlite3.Connection, error: Exception) -> StoreError:
        await self._shared_file.reopen(connection)
        return StoreError(f"{self._shared_file.path} cannot be used: {error}")


async def _close(connection: sqlite3.Connection) -> None:
    connection.close()


def _decided(one: _Waiting, transaction: Transaction) -> Any:
    try:
        return one.decision(transaction)
    except StoreError as error:
        transaction.forget()
        return error


def _retrieve(outcome: asyncio.Future[Any]) -> None:
    """Takes the exception of a decision that nobody waits for, so that asyncio does not log it."""
    if not outcome.cancelled():
        outcome.exception()

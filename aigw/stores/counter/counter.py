"""The counters of one machine, in an SQLite file that all workers share.

Rule: everything that one call reads and changes is one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from aigw.core.stores import LEASE, Count, Limit, Ticket
from aigw.stores.counter import state
from aigw.stores.counter.file import CounterFile
from aigw.stores.counter.ticket import new_ticket
from aigw.stores.counter.transaction import Transaction
from aigw.stores.namespace import Namespace

if TYPE_CHECKING:
    import sqlite3

PAGE = 500
"""How many keys are listed at a time."""
Settling = Callable[[Transaction], tuple[Count, ...]]


class SqliteCounter:
    """The counters of one `namespace`. Other namespaces share the file. A call waits `patience` seconds at most."""

    def __init__(self, file: CounterFile, namespace: str = "", *, patience: float = 1.0) -> None:
        self._file = file
        self._namespace = Namespace(namespace)
        self._patience = patience

    async def hold(self, limits: Sequence[Limit], *, lease: float = LEASE) -> Ticket:
        limits = tuple(limits)
        keys = [self._namespace.encode(limit.key) for limit in limits]
        if not any(limit.hold for limit in limits):
            return _ticket(limits, await self._counts(keys, [limit.window for limit in limits]))
        held: list[Ticket] = []

        def decide(transaction: Transaction) -> Ticket:
            now = self._file.now()
            counts = []
            for key, limit in zip(keys, limits, strict=True):
                counts.append(transaction.look(key, now, limit.window).counted(now))
            ticket = _ticket(limits, tuple(counts))
            if ticket.refused is None:
                for key, (name, amount) in _holds(keys, ticket).items():
                    transaction.hold(key, name, amount, now + lease)
                held[:] = [ticket]
            return ticket

        try:
            return await self._file.decide(decide, self._patience)
        except asyncio.CancelledError:
            for ticket in held:  # it was just decided, and nobody will settle it
                self._file.later(self._settling(ticket, [0] * len(limits)), self._patience)
            raise

    async def grow(self, ticket: Ticket, amounts: Sequence[int], *, lease: float = LEASE) -> Ticket:
        keys = [self._namespace.encode(limit.key) for limit in ticket.limits]
        holds = _holds(keys, ticket)

        def decide(transaction: Transaction) -> Ticket:
            connection = _alone(transaction)
            now, limits = self._file.now(), list(ticket.limits)
            for key in holds:
                state.look(connection, key, now)
            for index, (key, amount) in enumerate(zip(keys, amounts, strict=True)):
                if key in holds and state.grow(connection, key, holds[key][0], amount, now + lease):
                    limits[index] = limits[index]._replace(hold=limits[index].hold + amount)
            counts = [state.look(connection, key, now).counted(now) for key in keys]
            return ticket._replace(limits=tuple(limits), counts=tuple(counts))

        return await self._file.decide(decide, self._patience)

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        settling = self._settling(ticket, charges, within=within)
        settled: list[tuple[Count, ...]] = []

        def decide(transaction: Transaction) -> tuple[Count, ...]:
            settled[:] = [settling(transaction)]
            return settled[0]

        try:
            return await self._file.decide(decide, self._patience)
        except asyncio.CancelledError:
            if not settled:  # others were deciding
                self._file.later(settling, self._patience)
            raise

    async def read(self, *keys: str) -> tuple[Count, ...]:
        return await self._counts([self._namespace.encode(key) for key in keys])

    async def add(self, key: str, amount: int) -> int:
        name = self._namespace.encode(key)

        def decide(transaction: Transaction) -> int:
            connection = _alone(transaction)
            before = state.look(connection, name, self._file.now())
            used = state.fitting((before.used or 0) + amount)
            state.put(connection, name, used, before.ends)
            return used

        return await self._file.decide(decide, self._patience)

    async def put(self, key: str, value: int) -> None:
        name = self._namespace.encode(key)
        state.fitting(value)

        def decide(transaction: Transaction) -> None:
            connection = _alone(transaction)
            state.look(connection, name, self._file.now())
            state.put(connection, name, value)
            state.forget_all(connection, name)

        await self._file.decide(decide, self._patience)

    async def drop(self, *keys: str) -> int:
        names = [self._namespace.encode(key) for key in keys]

        def decide(transaction: Transaction) -> int:
            connection = _alone(transaction)
            now = self._file.now()
            there = 0
            for name in names:
                there += state.look(connection, name, now).used is not None
                state.drop(connection, name)
            return there

        return await self._file.decide(decide, self._patience)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        first, end = self._namespace.span(prefix)
        lapsing = await self._file.read(
            lambda connection: state.lapsing(connection, first, end, self._file.now()), self._patience
        )
        await self._counts(lapsing)  # looking at them charges them
        while True:
            page = await self._page(first, end)
            for key, ends in page:
                if ends is not None and ends <= self._file.now():
                    await self._counts([key])  # looking at it deletes it
                else:
                    yield self._namespace.decode(key)
            if len(page) < PAGE:
                return
            first = page[-1][0] + b"\0"

    async def _page(self, first: bytes, end: bytes) -> list[tuple[bytes, float | None]]:
        return await self._file.read(lambda connection: state.listed(connection, first, end, PAGE), self._patience)

    async def _counts(self, keys: Sequence[bytes], windows: Sequence[int] = ()) -> tuple[Count, ...]:
        """`windows` are the lengths of the windows, if they are known."""
        windows = windows or [0] * len(keys)

        def see(connection: sqlite3.Connection) -> tuple[Count, ...] | None:
            now = self._file.now()
            states = [state.see(connection, key) for key in keys]
            if any(each.expired(now, window) for each, window in zip(states, windows, strict=True)):
                return None
            return tuple([each.counted(now) for each in states])

        def look(transaction: Transaction) -> tuple[Count, ...]:
            connection, now = _alone(transaction), self._file.now()
            states = [state.look(connection, key, now, window) for key, window in zip(keys, windows, strict=True)]
            return tuple([each.counted(now) for each in states])

        seen = await self._file.read(see, self._patience)
        return seen if seen is not None else await self._file.decide(look, self._patience)

    def _settling(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> Settling:
        keys = [self._namespace.encode(limit.key) for limit in ticket.limits]
        holds = _holds(keys, ticket)

        def settle(transaction: Transaction) -> tuple[Count, ...]:
            now = self._file.now()
            before: dict[bytes, state.State] = {}
            after: dict[bytes, state.State] = {}
            for key, limit in zip(keys, ticket.limits, strict=True):
                if key not in before:
                    lapsed = key in holds and not transaction.free(key, *holds[key])
                    before[key] = after[key] = transaction.look(key, now, limit.window)
                    if lapsed and state.forget(transaction.connection, key, holds[key][0], now):
                        after[key] = before[key].taken_back(limit.lapsed(holds[key][1]))
            for key, limit, charge in zip(keys, ticket.limits, charges, strict=True):
                after[key] = after[key].charged(limit, charge, within=within, now=now)
            for key, each in after.items():
                if each is not before[key] and each.used is not None:
                    transaction.charge(key, each)
            return tuple([after[key].counted(now) for key in keys])

        return settle


def _alone(transaction: Transaction) -> sqlite3.Connection:
    """The connection, for a decision that changes keys without the transaction."""
    transaction.forget()
    return transaction.connection


def _ticket(limits: tuple[Limit, ...], counts: tuple[Count, ...]) -> Ticket:
    for index, (limit, count) in enumerate(zip(limits, counts, strict=True)):
        if count.used + count.held > limit.limit:
            return Ticket("", limits, counts, index)
    return Ticket(new_ticket(), limits, counts)


def _holds(keys: Sequence[bytes], ticket: Ticket) -> dict[bytes, tuple[str, int]]:
    """Returns what the ticket holds under each key: the name and the amount. Raises StoreError for a number of more
    than 64 bits."""
    holds: dict[bytes, tuple[str, int]] = {}
    for key, limit, count in zip(keys, ticket.limits, ticket.counts, strict=True):
        if limit.hold:
            name, amount = holds.get(key) or (state.hold_name(ticket.id, limit), 0)
            holds[key] = name, amount + limit.hold
            state.fitting(count.held + amount + limit.hold)
    return holds

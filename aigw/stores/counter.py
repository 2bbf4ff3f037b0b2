"""The counters of one machine, in an SQLite file that all workers share.

Rule: what has expired is gone at the moment that it is looked at, and stays gone when the clock is set back. All that
one call looks at and changes is one transaction."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aigw.stores.base import Count, Limit, Ticket
from aigw.stores.counter_file import CounterFile

if TYPE_CHECKING:
    import sqlite3

PAGE = 500
"""Keys that are listed in one go."""
_LOOK = """SELECT (SELECT used FROM counters WHERE key = ?1), (SELECT ends FROM counters WHERE key = ?1),
    sum(amount), min(frees) FROM holds WHERE key = ?1"""
_PUT = "INSERT OR REPLACE INTO counters (key, used, ends) VALUES (?, ?, ?)"
_DROP = "DELETE FROM counters WHERE key = ?"
_HOLD = "INSERT INTO holds (key, ticket, amount, frees) VALUES (?, ?, ?, ?)"
_FREE = "DELETE FROM holds WHERE key = ? AND ticket = ?"
_FREE_EXPIRED = "DELETE FROM holds WHERE key = ? AND frees <= ?"
_FREE_ALL = "DELETE FROM holds WHERE key = ?"
_KEYS = "SELECT key, ends FROM counters WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"

_ids = random.Random()  # noqa: S311  # they tell tickets apart; they are no secret


class _State(NamedTuple):
    """What stands under a key. `used` is None where nothing was charged, `ends` where no window runs, `frees` where
    nothing is held; else when the first hold expires."""

    used: int | None
    ends: float | None
    held: int
    frees: float | None

    def expired(self, now: float) -> bool:
        return (self.ends is not None and self.ends <= now) or (self.frees is not None and self.frees <= now)

    def counted(self, now: float) -> Count:
        return Count(self.used or 0, self.held, 0.0 if self.ends is None else self.ends - now)


class SqliteCounter:
    """Counts under `namespace`, apart from all others in the same file. A call waits `patience` seconds at most."""

    def __init__(self, file: CounterFile, namespace: str = "", *, patience: float = 1.0) -> None:
        self._file = file
        self._namespace = f"{namespace}|".encode()
        self._patience = patience

    async def hold(self, limits: Sequence[Limit], *, lease: float = 900.0) -> Ticket:
        limits = tuple(limits)
        keys = [self._name(limit.key) for limit in limits]
        if not any(limit.hold for limit in limits):
            return _ticket(limits, await self._counts(keys))

        def decide(connection: sqlite3.Connection) -> Ticket:
            now = self._file.now()
            ticket = _ticket(limits, tuple([_look(connection, key, now).counted(now) for key in keys]))
            if ticket.refused is None:
                amounts: dict[bytes, int] = {}
                for key, limit in zip(keys, limits, strict=True):
                    if limit.hold:
                        amounts[key] = amounts.get(key, 0) + limit.hold
                for key, amount in amounts.items():
                    connection.execute(_HOLD, (key, ticket.id, amount, now + lease))
            return ticket

        return await self._file.decide(decide, self._patience)

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        keys = [self._name(limit.key) for limit in ticket.limits]

        def decide(connection: sqlite3.Connection) -> tuple[Count, ...]:
            now = self._file.now()
            states: dict[bytes, _State] = {}
            for key, limit, charge in zip(keys, ticket.limits, charges, strict=True):
                connection.execute(_FREE, (key, ticket.id))
                state = _look(connection, key, now)
                states[key] = _charge(connection, key, state, limit, charge, within=within, now=now)
            return tuple([states[key].counted(now) for key in keys])

        return await self._file.decide(decide, self._patience)

    async def read(self, *keys: str) -> tuple[Count, ...]:
        return await self._counts([self._name(key) for key in keys])

    async def add(self, key: str, amount: int) -> int:
        name = self._name(key)

        def decide(connection: sqlite3.Connection) -> int:
            state = _look(connection, name, self._file.now())
            used = (state.used or 0) + amount
            connection.execute(_PUT, (name, used, state.ends))
            return used

        return await self._file.decide(decide, self._patience)

    async def put(self, key: str, value: int) -> None:
        name = self._name(key)

        def decide(connection: sqlite3.Connection) -> None:
            _look(connection, name, self._file.now())
            connection.execute(_PUT, (name, value, None))

        await self._file.decide(decide, self._patience)

    async def drop(self, *keys: str) -> int:
        names = [self._name(key) for key in keys]

        def decide(connection: sqlite3.Connection) -> int:
            now = self._file.now()
            there = 0
            for name in names:
                there += _look(connection, name, now).used is not None
                connection.execute(_DROP, (name,))
                connection.execute(_FREE_ALL, (name,))
            return there

        return await self._file.decide(decide, self._patience)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        first = self._name(prefix)
        end = first[:-1] + bytes([first[-1] + 1])  # no UTF-8 has a byte 255
        while True:
            page = await self._file.read(_page(first, end), self._patience)
            for key, ends in page:
                if ends is not None and ends <= self._file.now():
                    await self._counts([key])  # looks at it, and so it is gone
                else:
                    yield key[len(self._namespace) :].decode(errors="surrogatepass")
            if len(page) < PAGE:
                return
            first = page[-1][0] + b"\0"

    def _name(self, key: str) -> bytes:
        return self._namespace + key.encode(errors="surrogatepass")

    async def _counts(self, keys: Sequence[bytes]) -> tuple[Count, ...]:
        def see(connection: sqlite3.Connection) -> tuple[Count, ...] | None:
            now = self._file.now()
            states = [_see(connection, key) for key in keys]
            return (
                None if any(state.expired(now) for state in states) else tuple([state.counted(now) for state in states])
            )

        def look(connection: sqlite3.Connection) -> tuple[Count, ...]:
            now = self._file.now()
            return tuple([_look(connection, key, now).counted(now) for key in keys])

        seen = await self._file.read(see, self._patience)
        return seen if seen is not None else await self._file.decide(look, self._patience)


def _ticket(limits: tuple[Limit, ...], counts: tuple[Count, ...]) -> Ticket:
    for index, (limit, count) in enumerate(zip(limits, counts, strict=True)):
        if count.used + count.held > limit.limit:
            return Ticket("", limits, counts, index)
    return Ticket(f"{_ids.getrandbits(64):x}", limits, counts)


def _page(first: bytes, end: bytes) -> Callable[[sqlite3.Connection], list[tuple[bytes, float | None]]]:
    return lambda connection: connection.execute(_KEYS, (first, end, PAGE)).fetchall()


def _see(connection: sqlite3.Connection, key: bytes) -> _State:
    used, ends, held, frees = connection.execute(_LOOK, (key,)).fetchone()
    return _State(used, ends, held or 0, frees)


def _look(connection: sqlite3.Connection, key: bytes, now: float) -> _State:
    """What stands under the key, after what has expired is gone."""
    state = _see(connection, key)
    if not state.expired(now):
        return state
    if state.ends is not None and state.ends <= now:
        connection.execute(_DROP, (key,))
    connection.execute(_FREE_EXPIRED, (key, now))
    return _see(connection, key)


def _charge(
    connection: sqlite3.Connection, key: bytes, state: _State, limit: Limit, charge: int, *, within: bool, now: float
) -> _State:
    used = state.used or 0
    if not charge or (within and used > limit.limit):
        return state
    ends = now + limit.window if state.used is None and limit.window else state.ends
    connection.execute(_PUT, (key, used + charge, ends))
    return state._replace(used=used + charge, ends=ends)

"""Stores in memory, for a gateway without a state folder. The tests compare the other stores with them.

Rule: an expired value is deleted when somebody looks at it; nothing runs in the background."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from aigw.core.stores import KV, LAPSED_SECONDS, LEASE, LOCAL, Count, Counter, Limit, Service, Ticket

Now = Callable[[], float]
"""Returns seconds since 1970."""


class MemoryKV:
    def __init__(self, now: Now = time.time) -> None:
        self._now = now
        self._values: dict[str, tuple[bytes, float | None]] = {}

    async def get(self, key: str) -> bytes | None:
        value, expires = self._values.get(key, (None, None))
        if expires is not None and expires <= self._now():
            del self._values[key]
            return None
        return value

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        self._values[key] = (value, None if ttl is None else self._now() + ttl)

    def put_soon(self, key: str, value: bytes, ttl: float | None, then: Callable[[], None]) -> None:
        self._values[key] = (value, None if ttl is None else self._now() + ttl)
        then()

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        if await self.get(key) != old:
            return False
        await self.put(key, new, ttl)
        return True

    async def drop(self, *keys: str) -> int:
        return sum([(await self.get(key), self._values.pop(key, None))[0] is not None for key in keys])

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        for key in [key for key in self._values if key.startswith(prefix)]:
            if await self.get(key) is not None:
                yield key


@dataclass
class _Hold:
    """What a ticket holds until the time `ends`. An amount of 0 has lapsed: it was charged."""

    amount: int
    ends: float
    limit: Limit


@dataclass
class _Entry:
    used: int | None = None
    ends: float | None = None
    holds: dict[str, _Hold] = field(default_factory=dict)
    """What is held, by ticket."""


class MemoryCounter:
    def __init__(self, now: Now = time.time) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._ids = count(1)

    async def hold(self, limits: Sequence[Limit], *, lease: float = LEASE) -> Ticket:
        counts = tuple(self._count(limit.key, limit.window) for limit in limits)
        for index, (limit, seen) in enumerate(zip(limits, counts, strict=True)):
            if seen.used + seen.held > limit.limit:
                return Ticket("", tuple(limits), counts, index)
        ticket = Ticket(str(next(self._ids)), tuple(limits), counts)
        for limit in limits:
            if limit.hold:
                holds = self._entry(limit.key).holds
                held = holds.setdefault(ticket.id, _Hold(0, self._now() + lease, limit))
                held.amount += limit.hold
        return ticket

    async def grow(self, ticket: Ticket, amounts: Sequence[int], *, lease: float = LEASE) -> Ticket:
        limits = list(ticket.limits)
        for index, (limit, amount) in enumerate(zip(ticket.limits, amounts, strict=True)):
            held = self._entry(limit.key).holds.get(ticket.id)
            if held is not None and held.amount:
                held.amount, held.ends = held.amount + amount, self._now() + lease
                limits[index] = limit._replace(hold=limit.hold + amount)
        return ticket._replace(limits=tuple(limits), counts=await self.read(*(limit.key for limit in limits)))

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        for limit in ticket.limits:
            self._release(ticket, limit.key)
        for limit, charge in zip(ticket.limits, charges, strict=True):
            entry = self._entry(limit.key, limit.window)
            if not charge or (within and (entry.used or 0) > limit.limit):
                continue
            if entry.used is None and limit.window:
                entry.ends = self._now() + limit.window
            entry.used = (entry.used or 0) + charge
        return await self.read(*(limit.key for limit in ticket.limits))

    def _release(self, ticket: Ticket, key: str) -> None:
        """Ends a reservation, and takes back what was charged for it if it had lapsed."""
        entry = self._entries.get(key, _Entry())
        held = entry.holds.pop(ticket.id, None)
        if held is not None and not held.amount and self._entry(key).used is not None and held.ends > self._now():
            entry.used = (entry.used or 0) - held.limit.lapsed(
                sum(each.hold for each in ticket.limits if each.key == key)
            )

    async def read(self, *keys: str) -> tuple[Count, ...]:
        return tuple(self._count(key) for key in keys)

    async def add(self, key: str, amount: int) -> int:
        entry = self._entry(key)
        entry.used = (entry.used or 0) + amount
        return entry.used

    async def put(self, key: str, value: int) -> None:
        entry = self._entry(key)
        entry.used, entry.ends = value, None
        entry.holds = {ticket: held for ticket, held in entry.holds.items() if held.amount}

    async def drop(self, *keys: str) -> int:
        there = [self._entry(key).used is not None for key in keys]
        for key in keys:
            self._entries.pop(key, None)
        return sum(there)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        for key in [key for key in self._entries if key.startswith(prefix)]:
            if self._entry(key).used is not None:
                yield key

    def _entry(self, key: str, window: int = 0) -> _Entry:
        now, entry = self._now(), self._entries.setdefault(key, _Entry())
        if entry.ends is not None and entry.ends <= now:
            entry.used = entry.ends = None
        if entry.ends is not None and window:
            entry.ends = min(entry.ends, now + window)
        for ticket, held in list(entry.holds.items()):
            if held.ends > now:
                held.ends = min(held.ends, now + LEASE) if held.amount else held.ends
            elif held.amount:
                _lapse(entry, held, now)
            else:
                del entry.holds[ticket]
        return entry

    def _count(self, key: str, window: int = 0) -> Count:
        entry = self._entry(key, window)
        left = 0.0 if entry.ends is None else entry.ends - self._now()
        return Count(entry.used or 0, sum(held.amount for held in entry.holds.values()), left)


def _lapse(entry: _Entry, held: _Hold, now: float) -> None:
    """Charges what nobody settled, and remembers that until its window ends."""
    if entry.used is None and held.limit.window:
        entry.ends = now + held.limit.window
    entry.used = (entry.used or 0) + held.limit.lapsed(held.amount)
    held.amount, held.ends = 0, now + LAPSED_SECONDS if entry.ends is None else min(now + LAPSED_SECONDS, entry.ends)


class MemoryStores:
    """One KV and one Counter for each named service and database."""

    def __init__(self, now: Now = time.time) -> None:
        self._now = now
        self._kvs: dict[tuple[str, int, int], MemoryKV] = {}
        self._counters: dict[tuple[str, int, int], MemoryCounter] = {}

    def kv(self, service: Service = LOCAL) -> KV:
        return self._kvs.setdefault((service.name, service.port, service.database), MemoryKV(self._now))

    def counter(self, service: Service = LOCAL) -> Counter:
        key = (service.name, service.port, service.database)
        return self._counters.setdefault(key, MemoryCounter(self._now))

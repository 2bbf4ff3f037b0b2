"""Stores in memory, for a gateway without a state folder. The tests compare the other stores with them.

Rule: an expired value is deleted when somebody looks at it; nothing runs in the background."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from aigw.core.stores import KV, LOCAL, Count, Counter, Limit, Service, Ticket

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

    async def drop(self, *keys: str) -> int:
        return sum([(await self.get(key), self._values.pop(key, None))[0] is not None for key in keys])

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        for key in [key for key in self._values if key.startswith(prefix)]:
            if await self.get(key) is not None:
                yield key


@dataclass
class _Entry:
    used: int | None = None
    ends: float | None = None
    holds: dict[str, tuple[int, float]] = field(default_factory=dict)
    """For each ticket its amount, and the time at which it is released."""


class MemoryCounter:
    def __init__(self, now: Now = time.time) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._ids = count(1)

    async def hold(self, limits: Sequence[Limit], *, lease: float = 900.0) -> Ticket:
        counts = tuple(self._count(limit.key) for limit in limits)
        for index, (limit, seen) in enumerate(zip(limits, counts, strict=True)):
            if seen.used + seen.held > limit.limit:
                return Ticket("", tuple(limits), counts, index)
        ticket = Ticket(str(next(self._ids)), tuple(limits), counts)
        for limit in limits:
            if limit.hold:
                holds = self._entry(limit.key).holds
                before, _ = holds.get(ticket.id, (0, 0.0))
                holds[ticket.id] = (before + limit.hold, self._now() + lease)
        return ticket

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        for limit, charge in zip(ticket.limits, charges, strict=True):
            entry = self._entry(limit.key)
            entry.holds.pop(ticket.id, None)
            if not charge or (within and (entry.used or 0) > limit.limit):
                continue
            if entry.used is None and limit.window:
                entry.ends = self._now() + limit.window
            entry.used = (entry.used or 0) + charge
        return await self.read(*(limit.key for limit in ticket.limits))

    async def read(self, *keys: str) -> tuple[Count, ...]:
        return tuple(self._count(key) for key in keys)

    async def add(self, key: str, amount: int) -> int:
        entry = self._entry(key)
        entry.used = (entry.used or 0) + amount
        return entry.used

    async def put(self, key: str, value: int) -> None:
        entry = self._entry(key)
        entry.used, entry.ends = value, None

    async def drop(self, *keys: str) -> int:
        there = [self._entry(key).used is not None for key in keys]
        for key in keys:
            self._entries.pop(key, None)
        return sum(there)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        for key in [key for key in self._entries if key.startswith(prefix)]:
            if self._entry(key).used is not None:
                yield key

    def _entry(self, key: str) -> _Entry:
        entry = self._entries.setdefault(key, _Entry())
        if entry.ends is not None and entry.ends <= self._now():
            entry.used = entry.ends = None
        entry.holds = {ticket: held for ticket, held in entry.holds.items() if held[1] > self._now()}
        return entry

    def _count(self, key: str) -> Count:
        entry = self._entry(key)
        left = 0.0 if entry.ends is None else entry.ends - self._now()
        return Count(entry.used or 0, sum(amount for amount, _ in entry.holds.values()), left)


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

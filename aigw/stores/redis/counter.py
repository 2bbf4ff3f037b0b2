"""Counters in Redis. One Lua script makes one decision, by the clock of Redis.

The key itself has `used`, a plain integer, and its expiry is the window: the shape that Higress uses. Another key has
what is held (scripts.py)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

from aigw.core.stores import LEASE, Count, Limit, StoreError, Ticket
from aigw.stores.redis.client import RedisClient, Script, Word
from aigw.stores.redis.keys import RedisKeys
from aigw.stores.redis.scripts import DROP, GROW, HOLD, PUT, READ, SETTLE


class RedisCounter:
    def __init__(self, client: RedisClient, keys: RedisKeys) -> None:
        self._client = client
        self._keys = keys
        self._tasks: set[asyncio.Task[None]] = set()

    async def hold(self, limits: Sequence[Limit], *, lease: float = LEASE) -> Ticket:
        limits = tuple(limits)
        if not limits:
            return Ticket("", (), ())
        id_ = secrets.token_hex(8)
        words: list[Word] = [id_, round(lease * 1000)]
        for limit in limits:
            words += (limit.limit, limit.hold, limit.window, f"{'-' if limit.down else ''}{limit.window}")
        holding = self._run(HOLD, [limit.key for limit in limits], words)
        try:
            reply = await asyncio.shield(holding)
        except asyncio.CancelledError:
            holding.add_done_callback(lambda done: self._take_back(done, Ticket(id_, limits, ())))
            raise
        refused, counts = self._client.parse(reply, lambda reply: (int(reply[0]), _counts(reply[1])))
        return Ticket("", limits, counts, refused) if refused >= 0 else Ticket(id_, limits, counts)

    async def grow(self, ticket: Ticket, amounts: Sequence[int], *, lease: float = LEASE) -> Ticket:
        if not ticket.limits:
            return ticket
        growing = self._run(GROW, [limit.key for limit in ticket.limits], [ticket.id, round(lease * 1000), *amounts])
        grown, counts = self._client.parse(
            await growing, lambda reply: ([int(amount) for amount in reply[0]], _counts(reply[1]))
        )
        limits = [limit._replace(hold=limit.hold + more) for limit, more in zip(ticket.limits, grown, strict=True)]
        return ticket._replace(limits=tuple(limits), counts=counts)

    async def settle(self, ticket: Ticket, charges: Sequence[int], *, within: bool = False) -> tuple[Count, ...]:
        if not ticket.limits:
            return ()
        words: list[Word] = [ticket.id, int(within)]
        held: dict[str, int] = {}
        for limit in ticket.limits:
            held[limit.key] = held.get(limit.key, 0) + limit.hold
        for limit, charge in zip(ticket.limits, charges, strict=True):
            words += (limit.limit, limit.window, charge, -limit.lapsed(held[limit.key]))
        settling = self._run(SETTLE, [limit.key for limit in ticket.limits], words)
        return self._client.parse(await settling, _counts)

    async def read(self, *keys: str) -> tuple[Count, ...]:
        return self._client.parse(await asyncio.gather(*(self._run(READ, [key]) for key in keys)), _counts)

    async def add(self, key: str, amount: int) -> int:
        return self._client.parse(await self._client.call("INCRBY", self._keys.encode(key), amount), int)

    async def put(self, key: str, value: int) -> None:
        await self._run(PUT, [key], [value])

    async def drop(self, *keys: str) -> int:
        return self._client.parse(await asyncio.gather(*(self._run(DROP, [key]) for key in keys)), sum)

    async def keys(self, prefix: str = "") -> AsyncIterator[str]:
        async for key in self._keys.found(self._client, prefix):
            yield key

    def _take_back(self, holding: asyncio.Future[Any], ticket: Ticket) -> None:
        """Releases a hold that nobody waits for any more. If the hold failed, Redis may have it all the same: then its
        lease ends it."""
        if holding.exception() is None:
            task = asyncio.create_task(self._settle_nothing(ticket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settle_nothing(self, ticket: Ticket) -> None:
        with suppress(StoreError):
            await self.settle(ticket, [0] * len(ticket.limits))

    def _run(self, script: Script, keys: Sequence[str], words: Sequence[Word] = ()) -> asyncio.Future[Any]:
        encoded = [self._keys.encode(key) for key in keys]
        return self._client.run(script, [each for key in encoded for each in (key, self._keys.held(key))], words)


def _counts(replies: Sequence[Any]) -> tuple[Count, ...]:
    return tuple([Count(int(used), int(held), max(left, 0) / 1000) for used, held, left in replies])

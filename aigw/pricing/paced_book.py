"""Rests between lookups that find nothing, each of which starts a process: a client that names ever new models gets a
fifth of a processor for them, and no more."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence

from aigw.core.env import Clock
from aigw.pricing.prices import Asked, Book, Price, ask_pricebook

_REST = 4.0
"""After a lookup that found nothing, the next one begins after this many times as long as that one took."""


class PacedBook:
    """A Book in front of another one, for one caller at a time."""

    def __init__(
        self,
        book: Book = ask_pricebook,
        clock: Clock = time,
        rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`rest` is a function that waits for a number of seconds."""
        self._book = book
        self._clock = clock
        self._rest = rest
        self._next = -math.inf

    async def __call__(self, asked: Sequence[Asked]) -> Sequence[Price | None]:
        if (wait := self._next - self._clock.monotonic()) > 0:
            await self._rest(wait)
        begun = self._clock.monotonic()
        found = await self._book(asked)
        ended = self._clock.monotonic()
        self._next = ended if any(found) else ended + _REST * (ended - begun)
        return found

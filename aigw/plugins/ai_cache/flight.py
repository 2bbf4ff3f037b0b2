"""Requests that ask for the same at the same time: the first one goes upstream, the others wait for its answer.

Rule: nobody gets a half answer and nobody hangs. Whoever waited for an answer that did not come goes on itself, and
whoever waits for one that nobody reads any more does so, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aigw.plugins.ai_cache.entry import Entry

STALLED = 30.0
"""Seconds without a piece of an answer that had begun, after which its own client is held to be stuck."""
PATIENCE = 2
"""So many answers that did not come are waited for; then a request goes by itself."""


class Flight:
    """One request that is upstream for everybody. `progress` tells how much of its answer has gone by, None before
    the answer has begun. Nobody needs to wait for one that is `stuck`."""

    __slots__ = ("_done", "_stalled", "progress", "stuck")

    def __init__(self, stalled: float) -> None:
        self._done: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self._stalled = stalled
        self.progress: Callable[[], int] | None = None
        self.stuck = False

    def land(self, entry: Entry | None) -> None:
        """Tells everybody who waits. May be called again, which changes nothing."""
        if not self._done.done():
            self._done.set_result(entry)

    async def answer(self) -> Entry | None:
        """The answer once it is complete; None if there is none to wait for."""
        while not self._done.done():
            seen = None if self.progress is None else self.progress()
            await asyncio.wait([self._done], timeout=self._stalled)
            if not self._done.done() and seen is not None and self.progress is not None and self.progress() == seen:
                self.stuck = True
                return None
        return self._done.result()


class Flights:
    """Those under way, by key."""

    def __init__(self, stalled: float = STALLED) -> None:
        self._flights: dict[str, Flight] = {}
        self._stalled = stalled

    async def join(self, key: str) -> Entry | None:
        """What those bring who are under way with this key; None if the caller has to go itself."""
        for _ in range(PATIENCE):
            flight = self._flights.get(key)
            if flight is None or flight.stuck:
                return None
            if (entry := await flight.answer()) is not None:
                return entry
        return None

    def start(self, key: str) -> Flight:
        """A flight that others find, unless they have one already."""
        flight = Flight(self._stalled)
        if key not in self._flights or self._flights[key].stuck:
            self._flights[key] = flight
        return flight

    def end(self, key: str, flight: Flight) -> None:
        """Nobody finds it any more. Those who wait and were told nothing are told that there is no answer."""
        flight.land(None)
        if self._flights.get(key) is flight:
            del self._flights[key]

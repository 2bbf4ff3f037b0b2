"""Joins equal requests that come at the same time: the first one is sent upstream, the others wait for its answer.

Rule: no request gets half an answer, and no request waits for ever. If the answer of the first request fails, or its
client no longer reads it, the waiting requests are sent upstream themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aigw.plugins.ai_cache.entry import Entry

STALLED = 30.0
"""If no piece of an answer has passed for this many seconds, its client is considered stuck."""
PATIENCE = 2
"""After this many failed answers, one after another, a waiting request is sent upstream itself."""


class Flight:
    """A request that was sent upstream, and for whose answer others may wait. `progress` returns how many bytes of the
    answer have passed through; it is None until the answer has begun. If `stuck` is true, no request waits for it."""

    __slots__ = ("_done", "_stalled", "progress", "stuck")

    def __init__(self, stalled: float) -> None:
        self._done: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self._stalled = stalled
        self.progress: Callable[[], int] | None = None
        self.stuck = False

    def land(self, entry: Entry | None) -> None:
        """Gives the entry, or None for a failure, to all requests that wait. A second call has no effect."""
        if not self._done.done():
            self._done.set_result(entry)

    async def answer(self) -> Entry | None:
        """Waits for the answer and returns its entry. Returns None if the answer failed or is stuck."""
        while not self._done.done():
            seen = None if self.progress is None else self.progress()
            await asyncio.wait([self._done], timeout=self._stalled)
            if not self._done.done() and seen is not None and self.progress is not None and self.progress() == seen:
                self.stuck = True
                return None
        return self._done.result()


class Flights:
    """All flights of one cache configuration, by the key of the request."""

    def __init__(self, stalled: float = STALLED) -> None:
        self._flights: dict[str, Flight] = {}
        self._stalled = stalled

    async def join(self, key: str) -> Entry | None:
        """Waits for the answer of an equal request that is running. Returns None if the caller must send its own
        request."""
        for _ in range(PATIENCE):
            flight = self._flights.get(key)
            if flight is None or flight.stuck:
                return None
            if (entry := await flight.answer()) is not None:
                return entry
        return None

    def start(self, key: str) -> Flight:
        """Returns a new flight. Others can join it, unless there is one for this key already."""
        flight = Flight(self._stalled)
        if key not in self._flights or self._flights[key].stuck:
            self._flights[key] = flight
        return flight

    def end(self, key: str, flight: Flight) -> None:
        """Removes the flight, so that nobody can join it any more. Requests that still wait get None."""
        flight.land(None)
        if self._flights.get(key) is flight:
            del self._flights[key]

"""One timer that is set again and again. Rule: a later deadline costs an attribute, not a new timer.

The timer of the loop stays as it is. If it fires before the deadline, it is set again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf


class Deadline:
    """Calls `on_expire` once when the time of the last `arm` has passed, unless it was disarmed."""

    __slots__ = ("_at", "_call_at", "_fires_at", "_handle", "_on_expire", "_time")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_expire: Callable[[], None]) -> None:
        self._time = loop.time
        self._call_at = loop.call_at
        self._on_expire = on_expire
        self._handle: asyncio.TimerHandle | None = None
        self._at = self._fires_at = inf

    def arm(self, seconds: float) -> None:
        at = self._at = self._time() + seconds
        if at < self._fires_at:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._call_at(at, self._fire)
            self._fires_at = at

    @property
    def left(self) -> float:
        """The seconds until it expires."""
        return self._at - self._time()

    def disarm(self) -> None:
        self._at = inf

    def close(self) -> None:
        """Ends the timer for good."""
        self._at = self._fires_at = -inf
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._fires_at = inf
        at = self._at
        if at == inf:
            return
        if self._time() < at:
            self._handle = self._call_at(at, self._fire)
            self._fires_at = at
            return
        self._at = inf
        self._on_expire()

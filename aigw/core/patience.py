"""Waits of at most so many seconds, for what nearly every request does: all that wait equally long share one timer.

Rule: `within` ends a wait as `asyncio.timeout` does, which sets a timer for each: 3 us, and 1 here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from types import TracebackType

MOST_KNOWN = 256
"""So many different numbers of seconds are known at once: as many as a configuration has, or more."""
_RESOLUTION = 0.001
"""A loop may count time in milliseconds, and be early by so much."""


class _Waits:
    """Those that wait for so many seconds, in the order in which they began."""

    __slots__ = ("_at", "_is_set", "_seconds", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.loop = loop
        self._seconds = seconds
        self._at: OrderedDict[_Wait, float] = OrderedDict()
        self._is_set = False
        """Whether the timer is set. It is left to itself when nobody waits any more: the next wait needs it."""

    def begin(self, wait: _Wait) -> None:
        at = self._at[wait] = self.loop.time() + self._seconds
        if not self._is_set:
            self._set(at)

    def end(self, wait: _Wait) -> None:
        self._at.pop(wait, None)

    def _set(self, at: float) -> None:
        self._is_set = True
        self.loop.call_at(at, self._look)

    def _look(self) -> None:
        """Ends those whose time is over."""
        self._is_set = False
        now = self.loop.time() + _RESOLUTION
        while self._at:
            wait, at = next(iter(self._at.items()))
            if at > now:
                self._set(at)
                return
            del self._at[wait]
            wait.expire()


_known: dict[float, _Waits] = {}


class _Wait:
    __slots__ = ("_cancelling", "_expired", "_task", "_waits")

    def __init__(self, waits: _Waits, task: asyncio.Task[object]) -> None:
        self._waits = waits
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False

    def expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def __enter__(self) -> None:
        self._waits.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waits.end(self)
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error


def within(seconds: float) -> _Wait:
    """What the task does in `with within(seconds):` raises TimeoutError if it takes longer. It is entered at once."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can be given a time")
    loop, waits = asyncio.get_running_loop(), _known.get(seconds)
    if waits is None or waits.loop is not loop:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        waits = _known[seconds] = _Waits(loop, seconds)
    return _Wait(waits, task)

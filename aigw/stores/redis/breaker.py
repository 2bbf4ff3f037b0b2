"""A circuit breaker: after a failure, calls fail at once until the server has answered a probe.

Rule: probes run in the background, the first one soon, the others once a second. A request is never the probe. If the
first probe succeeds, the log says nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("aigw")

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 1.0


class Breaker:
    """A circuit breaker. `problem` says why the breaker is open; "" if it is closed. `probe` returns what is wrong now,
    or ""."""

    def __init__(self, name: str, probe: Callable[[], Awaitable[str]]) -> None:
        self.problem = ""
        self._name = name
        self._probe = probe
        self._task: asyncio.Task[None] | None = None

    def trip(self, problem: str) -> None:
        if not self.problem:
            self._task = asyncio.create_task(self._recover())
        self.problem = problem

    async def _recover(self) -> None:
        pause, told = FIRST_SECONDS, False
        while self.problem:
            await asyncio.sleep(pause)
            self.problem = await self._probe()
            if self.problem and not told:
                log.warning("%s cannot be used: %s", self._name, self.problem)
                told = True
            pause = min(2 * pause, LONGEST_SECONDS)
        if told:
            log.warning("%s can be used again", self._name)

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

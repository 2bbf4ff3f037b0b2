"""A circuit breaker: after one failure nobody waits for a server again until it has answered a probe.

Rule: probes run in the background, first soon and then once a second; a request never is the probe. What the first
probe finds right again is not worth a line in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("aigw")

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 1.0


class Breaker:
    """`problem` says why it is open; "" while it is closed. `probe` tells what is wrong now, "" if nothing is."""

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

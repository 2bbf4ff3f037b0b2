"""Runs jobs, whose results the first requests would otherwise wait for, once the gateway is ready and idle.

Rule: a job gives way to requests. It begins only when none is under way, does its slow work in a thread or a process,
and holds up neither a request nor the end of the gateway."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from aigw.core.env import Job
from aigw.core.errors import GatewayError
from aigw.core.stores import StoreError

log = logging.getLogger("aigw")

LOOK_SECONDS = 0.1
"""How often it checks whether a request is under way. A job does not wait for a longer pause, because under a steady
load there is none, and then the first request that needs the job's result would wait for it."""


class WarmUp:
    """Runs the jobs. `busy` says whether a request is under way."""

    def __init__(self, busy: Callable[[], bool], sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._busy = busy
        self._sleep = sleep
        self._jobs: deque[Job] = deque()
        self._task: asyncio.Task[None] | None = None
        self._started = False

    def add(self, job: Job) -> None:
        """The job is done some time after `start`, also if that was called before."""
        self._jobs.append(job)
        if self._started:
            self.start()

    def start(self) -> None:
        self._started = True
        if self._jobs and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        """Cancels the jobs that are not done yet."""
        self._started = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._jobs:
            await self._quiet()
            try:
                await self._jobs.popleft()()
            except (StoreError, GatewayError, OSError) as error:
                log.debug("the first request will try again: %s", error)
            except Exception:
                log.exception("something could not be loaded before the first request")

    async def _quiet(self) -> None:
        await self._sleep(LOOK_SECONDS)
        while self._busy():
            await self._sleep(LOOK_SECONDS)

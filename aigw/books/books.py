"""Everything that is written down about requests. The books live as long as the process, longer than a
configuration."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from aigw.books.access_log import AccessLog, AccessQueue
from aigw.books.metrics import Metrics
from aigw.books.request_log import RequestLog, Show
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.telemetry import open_telemetry
from aigw.books.usage_blocks import UsageBlocks
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_log import UsageLog
from aigw.books.usage_logs import UsageLogs
from aigw.books.usage_question import TOP_BY, USAGE_BY
from aigw.core.env import Clock, WhenIdle
from aigw.core.errors import ConfigError
from aigw.metering.tokenizer import TokenCounter
from aigw.pricing.prices import Prices
from aigw.stores.private import StrangeFileError, make_folder
from aigw.stores.sqlite_file import FileError
from aigw.stores.state_folder import refuse_strange_state
from aigw.trace.writer import TraceWriter

WRITE_SECONDS = 0.02
"""How long each log waits for more. Rows and lines come many at a time anyway. What is known of a request when it ends
is written after `request_log.INTERVAL`, this, and the writing itself: within 0.2 s."""


def usage_log(folder: Path) -> SqliteUsageLog:
    """The log in this state folder. Nothing is written yet. Raises ConfigError if anything in the folder is not ours,
    or if others may write to it."""
    try:
        with contextlib.suppress(PermissionError):  # the first write will say what is wrong
            refuse_strange_state(folder)
            if folder.exists():
                make_folder(folder)
        return SqliteUsageLog(folder / FILE_NAME, interval=WRITE_SECONDS)
    except (FileError, StrangeFileError) as error:
        raise ConfigError([str(error)]) from None


def _together(usage: SqliteUsageLog | None, shared: str) -> UsageLog | None:
    """The log in the state folder, and the one in the Redis at `shared` if there is one."""
    if not shared:
        return usage
    from aigw.books.redis_log import RedisUsageLog

    return UsageLogs([*([usage] if usage else []), RedisUsageLog(shared, interval=WRITE_SECONDS)])


class Books:
    """The books of a gateway. `folder` is the state folder; with None nothing is kept or exported. `shared` is the URL
    of a Redis that usage also goes to, or "". `show` gets each request, and prints the line that people read. `trace`:
    keep what plugins did."""

    def __init__(
        self,
        folder: Path | None,
        *,
        shared: str = "",
        clock: Clock = time,
        show: Show | None = None,
        trace: bool = False,
    ) -> None:
        """Raises ConfigError if the usage file is not ours."""
        self.folder = folder
        self.usage = usage_log(folder) if folder is not None else None
        self.traces = TraceWriter(folder) if folder is not None and trace else None
        self.tokenizer = TokenCounter()
        self.metrics = Metrics(folder)
        self.request_log = RequestLog(
            clock=clock,
            tokenizer=self.tokenizer,
            prices=Prices(),
            usage=_together(self.usage, shared),
            access=AccessQueue(AccessLog(folder), interval=WRITE_SECONDS) if folder is not None else None,
            telemetry=open_telemetry() if folder is not None else None,
            show=show,
        )

    def take(self, prices: Prices) -> None:
        """Uses the prices of another configuration from now on."""
        self.request_log.prices = prices

    async def add_up(self, when_idle: WhenIdle) -> None:
        """Has what `aigw usage` and `aigw top` ask for added up before they do, block by block. Raises FileError."""
        if self.usage is None or not self.usage.path.exists():
            return
        blocks = UsageBlocks(self.usage.path)
        for by in (USAGE_BY, TOP_BY):
            for number in await asyncio.to_thread(blocks.missing, by):
                when_idle(partial(asyncio.to_thread, blocks.add_up, by, number))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Writes until the block ends, and then writes what is left. Only its user can open the folder."""
        if self.folder is not None:
            with contextlib.suppress(OSError):  # the first write will say what is wrong
                make_folder(self.folder)
        async with AsyncExitStack() as stack:  # if one of them raises, the others are closed
            if self.traces is not None:
                stack.push_async_callback(asyncio.to_thread, self.traces.close)
            self.metrics.start()
            stack.push_async_callback(asyncio.to_thread, self.metrics.close)
            self.request_log.start()
            stack.push_async_callback(self.request_log.aclose)
            yield

"""All that is written down about requests, for as long as the process lives, whatever configuration is in force."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aigw.books.access_log import AccessLog
from aigw.books.metrics import Metrics
from aigw.books.request_log import Recorder, Show
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.telemetry import open_telemetry
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_log import UsageLog
from aigw.books.usage_logs import UsageLogs
from aigw.core.env import Clock
from aigw.core.errors import ConfigError
from aigw.metering.tokenizer import TokenCounter
from aigw.pricing.prices import Prices
from aigw.stores.private import make_folder
from aigw.stores.sqlite_file import FileError
from aigw.trace.writer import TraceWriter

WRITE_SECONDS = 0.02
"""What the usage log waits for more rows; they come many at a time as it is."""


def usage_log(folder: Path) -> SqliteUsageLog:
    """The one in this state folder. Raises ConfigError for a file that is not ours; nothing is written yet."""
    try:
        return SqliteUsageLog(folder / FILE_NAME, interval=WRITE_SECONDS)
    except FileError as error:
        raise ConfigError([str(error)]) from None


def _together(usage: SqliteUsageLog | None, shared: str) -> UsageLog | None:
    """The log in the state folder, and the one in the Redis at `shared` if there is one."""
    if not shared:
        return usage
    from aigw.books.redis_log import RedisUsageLog

    return UsageLogs([*([usage] if usage else []), RedisUsageLog(shared)])


class Books:
    """`folder` is the state folder; None keeps and exports nothing. `shared` is the URL of a Redis that usage also goes
    to, or "". `show` gets each request for the line that people read, `trace` keeps what every plugin did."""

    def __init__(
        self,
        folder: Path | None,
        *,
        shared: str = "",
        clock: Clock = time,
        show: Show | None = None,
        trace: bool = False,
    ) -> None:
        """Raises ConfigError for a usage file that is not ours."""
        self.folder = folder
        self.usage = usage_log(folder) if folder is not None else None
        self.traces = TraceWriter(folder) if folder is not None and trace else None
        self.tokenizer = TokenCounter()
        self.metrics = Metrics(folder)
        self.recorder = Recorder(
            clock=clock,
            tokenizer=self.tokenizer,
            prices=Prices(),
            usage=_together(self.usage, shared),
            access=AccessLog(folder) if folder is not None else None,
            telemetry=open_telemetry() if folder is not None else None,
            show=show,
        )

    def take(self, prices: Prices) -> None:
        """Goes by these prices, those of another configuration, from now on."""
        self.recorder.prices = prices

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Writes until the block ends, and then what is left. The folder is its user's alone."""
        if self.folder is not None:
            with contextlib.suppress(OSError):  # whoever writes there says what is wrong
                make_folder(self.folder)
        async with AsyncExitStack() as stack:  # whatever one of them raises, the others are closed
            if self.traces is not None:
                stack.push_async_callback(asyncio.to_thread, self.traces.close)
            self.metrics.start()
            stack.push_async_callback(asyncio.to_thread, self.metrics.close)
            self.recorder.start()
            stack.push_async_callback(self.recorder.aclose)
            yield

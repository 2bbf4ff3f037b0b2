"""All that is written down about requests, for as long as the process lives, whatever configuration is in force."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aigw.config.load import Loaded
from aigw.core.env import Clock
from aigw.core.errors import ConfigError
from aigw.server.record import Recorder
from aigw.stores.access_log import AccessLog
from aigw.stores.sqlite import SqliteUsageLog
from aigw.stores.usage_file import FILE_NAME, UsageFileError
from aigw.usage.metrics import Metrics
from aigw.usage.price import Prices
from aigw.usage.row import UsageRow
from aigw.usage.telemetry import open_telemetry
from aigw.usage.tokens import TokenCounter

Show = Callable[[UsageRow, dict[str, Any]], None]


class Books:
    """`folder` is the state folder; None writes nothing to disk. `show` gets each request for the line that people read."""

    def __init__(self, folder: Path | None, *, clock: Clock = time, show: Show | None = None) -> None:
        """Raises ConfigError for a usage file that is not ours."""
        try:
            self.usage = SqliteUsageLog(folder / FILE_NAME) if folder is not None else None
        except UsageFileError as error:
            raise ConfigError([str(error)]) from None
        self.tokens = TokenCounter()
        self.metrics = Metrics(folder)
        self.recorder = Recorder(
            clock=clock,
            tokens=self.tokens,
            prices=Prices(),
            usage=self.usage,
            access=AccessLog(folder) if folder is not None else None,
            telemetry=open_telemetry(),
            show=show,
        )

    def take(self, loaded: Loaded) -> None:
        """Goes by the prices of a configuration from now on."""
        self.recorder.prices = Prices(loaded.config.prices)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Writes until the block ends, and then what is left."""
        self.metrics.start()
        self.recorder.start()
        try:
            yield
        finally:
            await self.recorder.aclose()
            await asyncio.to_thread(self.metrics.close)

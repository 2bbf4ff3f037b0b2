"""Gateways that record into one folder of the test, and that replay from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from stage.gateway import Gateway, proxied

from aigw.traffic.format.folder import Entry, Folder, iterate
from aigw.traffic.format.recording import Recording
from aigw.traffic.recordings import Recordings
from aigw.traffic.replay.report import Report
from aigw.traffic.settings import Mode, RecordSettings

CLOSED = "http://127.0.0.1:9"
"""Nobody listens there."""
SECRETS = ("sk-provider-key", "open-sesame")


class Taped:
    """Starts gateways that record into a folder, or replay from it."""

    def __init__(self, folder: Path, gateway: Callable[..., Awaitable[Gateway]]) -> None:
        self.folder = Folder(folder)
        self._gateway = gateway
        self._opened: list[Recordings] = []

    async def __call__(
        self,
        mode: Mode,
        url: str = "",
        *,
        config: Any = None,
        folder: Folder | None = None,
        here: Path | None = None,
        **settings: Any,
    ) -> Any:
        """A gateway with this configuration, else whose one provider is at `url`. It has its `recordings`."""
        path = (folder or self.folder).path
        recordings = Recordings(RecordSettings(mode=mode, **settings), path, secrets=SECRETS, here=here)
        self._opened.append(recordings)
        config = config or proxied(url, apiTokens=["sk-provider-key"])
        running: Any = await self._gateway(config, around=recordings.around)
        running.recordings = recordings
        return running

    async def written(self, running: Any) -> list[tuple[Entry, Recording]]:
        """Ends recording. Returns what was recorded."""
        await running.edge.settled()
        await asyncio.to_thread(running.recordings.close)
        assert running.recordings.report.failure == ""
        return list(iterate(Folder(running.recordings.path)))

    def close(self) -> None:
        for recordings in self._opened:
            recordings.close()


def without_misses(report: Report) -> int:
    """Returns how many calls were replayed. No call missed, and no recording was left."""
    assert [missed.text for missed in report.missed] == []
    assert report.unused == []
    return report.hits

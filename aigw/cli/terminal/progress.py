"""Shows the progress of an ingest on a terminal: a bar by bytes, with the rate and the time that is left. In a pipe it
shows nothing."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from aigw.rag.ingest import Report

EACH_SECONDS = 0.1


class Progress:
    """Call it with the report whenever that has changed. `total` is about how many bytes there are, 0 if nobody
    knows."""

    def __init__(self) -> None:
        self.total = 0
        self.report: Report | None = None
        self._bar: RichProgress | None = None
        self._shown = 0.0

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            columns = (
                BarColumn(24),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[passages]:,} passages, {task.fields[rate]:.0f}/s"),
                TimeRemainingColumn(),
            )
            self._bar = RichProgress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=None, passages=0, rate=0.0)
            self._began = time.monotonic()
        return self

    def __call__(self, report: Report) -> None:
        self.report = report
        now = time.monotonic()
        if self._bar is None or now - self._shown < EACH_SECONDS:
            return
        self._shown = now
        rate = report.passages / max(now - self._began, 0.001)
        self._bar.update(
            self._task, total=self.total or None, completed=report.done, passages=report.passages, rate=rate
        )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

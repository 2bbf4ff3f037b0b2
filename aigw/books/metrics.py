"""Higress's counters. They are counted in memory, and a thread writes them to the state folder at most once a second.
So every process can show the sums of all processes with the same folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from aigw.books import prometheus
from aigw.books.metrics_folder import MetricsFolder
from aigw.books.series import MAX_SERIES, Counts, Labels, bounded

log = logging.getLogger("aigw")

WRITE_SECONDS = 1.0


class Metrics:
    """The counters of this process, and of the others with the same folder. `add` must be called on the event loop; the
    other methods may be called in any thread."""

    def __init__(self, folder: Path | None = None, *, max_series: int = MAX_SERIES) -> None:
        """`folder` is the state folder. Nothing is made in it before there is something to write."""
        self._folder = MetricsFolder(folder, max_series) if folder is not None else None
        self._max_series = max_series
        self._counts: Counts = {}
        self._dirty = False
        self._failing = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._writer: threading.Thread | None = None

    def add(self, labels: Labels, amounts: Mapping[str, int]) -> None:
        """Adds to the counters of these names. Never blocks, never raises."""
        for name, amount in amounts.items():
            series = (name, labels)
            count = self._counts.get(series)
            if count is None:
                series = (name, bounded(labels, full=len(self._counts) >= self._max_series))
                count = self._counts.get(series, 0)
            self._counts[series] = count + amount
        self._dirty = True

    def start(self) -> None:
        """Takes over the counts of an earlier process with the same process id, and starts the thread that writes. Must
        be called after a fork."""
        if self._folder is None or self._writer is not None:
            return
        self.fold()
        self._writer = threading.Thread(target=self._write_regularly, name="aigw-metrics", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Writes what is left and ends the thread. The counts stay in the folder."""
        self._stop.set()
        if self._writer is not None:
            self._writer.join()
        self.write()

    def _write_regularly(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            self.write()

    def write(self) -> None:
        """Writes the counts of this process if they have changed. Never raises: a failure is logged once and tried
        again."""
        if self._folder is None or not self._dirty:
            return
        with self._lock:
            self._dirty = False
            try:
                self._folder.write(self._counts.copy())
                self._failing = False
            except Exception as error:  # noqa: BLE001 - counting must go on, whatever is wrong with writing
                self._dirty = True
                if not self._failing:
                    self._failing = True
                    log.warning("cannot write metrics to %s: %s", self._folder.path, error)

    def fold(self) -> None:
        """Adds the counts of processes that have ended to one file."""
        if self._folder is not None:
            self._folder.fold()

    def counts(self) -> Counts:
        """The counters of all processes. Reads files, so it must not run on the event loop."""
        total = self._counts.copy()
        if self._folder is not None:
            self._folder.add_others(total)
        return total

    def render(self) -> bytes:
        """Returns all counters in Prometheus's text form. Reads files, so it must not run on the event loop."""
        return prometheus.render(self.counts())

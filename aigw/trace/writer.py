"""Writes traces: a thread takes traces from a bounded queue, makes records of them, and appends these to the files.

Rule: a request never waits for its trace and never fails because of it. Traces that do not fit or fail are counted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from aigw.core.env import Clock
from aigw.core.pace import begin
from aigw.trace.build import record_line
from aigw.trace.files import FOLDER, TraceFiles
from aigw.trace.tracer import RequestTrace, Tracer

log = logging.getLogger("aigw")

MAX_WAITING = 1000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""How many bytes of bodies may wait for the thread."""
CLOSING_SECONDS = 5.0


class TraceWriter:
    """Writes traces in a thread. `lost` counts the requests without a trace, because the queue was full or because
    writing failed. The first failure is logged, the next ones are only counted."""

    def __init__(self, state_dir: Path) -> None:
        self.lost = 0
        self._has_failed = False
        self._files = TraceFiles(state_dir / FOLDER)
        self._waiting: deque[RequestTrace] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def tracer(self, secrets: Iterable[str], clock: Clock) -> Tracer:
        """The tracer for the pipeline of a configuration, which has these `secrets`."""
        return Tracer(clock, self.add, secrets)

    def add(self, trace: RequestTrace) -> None:
        """Takes a trace. It never blocks and never raises."""
        with self._changed:
            full = len(self._waiting) >= MAX_WAITING or self._bytes + trace.size > MAX_WAITING_BYTES
            if self._stopping or (full and self._waiting) or not self._runs():
                self.lost += 1
                return
            self._waiting.append(trace)
            self._bytes += trace.size
            self._changed.notify()

    def close(self) -> None:
        """Writes what is left, for some seconds at most."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSING_SECONDS)
        if self.lost:
            log.warning("%d traces were not written", self.lost)

    def _runs(self) -> bool:
        """Starts the thread unless it runs. False: there is no memory for it now."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="trace writer", daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        begin()  # so that a large trace gives way to requests
        while (trace := self._next()) is not None:
            try:
                self._files.write(record_line(trace))
            except Exception as error:  # noqa: BLE001 - a trace that fails is nobody's failure
                self._failed(error)
        self._files.close()

    def _next(self) -> RequestTrace | None:
        """The next trace, or None when the thread must end."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            if not self._waiting:
                return None
            trace = self._waiting.popleft()
            self._bytes -= trace.size
            return trace

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self.lost += 1
        if not self._has_failed:
            self._has_failed = True
            reason = str(error) if isinstance(error, OSError) else type(error).__name__
            log.warning("a trace could not be written: %s", reason)

"""The queue of what waits to be written: usage rows, and lines of the access log.

Rule: a caller only puts an item into a bounded queue. A thread writes the items at most `interval` seconds later. If it
cannot, it tries again; when the queue is full, further items are counted as lost."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from aigw.core.stores import StoreError

log = logging.getLogger("aigw")


Item = TypeVar("Item")


class Words(NamedTuple):
    """What the log calls the items of a queue, and what it says of a failure."""

    items: str
    failed: str


USAGE = Words("usage rows", "usage is not kept")


class WriteQueue(ABC, Generic[Item]):
    """A queue, and the thread that writes its items. `lost` counts the items that were not written, `failures` the
    attempts that failed.

    The first failure is logged, the next ones are only counted. At the end the number of lost items is logged. The
    thread survives a bug: it is logged with its traceback, and the items that met it are lost."""

    def __init__(
        self, name: str, words: Words = USAGE, *, interval: float, limit: int, retry: float, batch: int
    ) -> None:
        """`name` says where items are kept. `limit` is how many of them may wait, `retry` is how many seconds pass
        between two attempts after a failure, and `batch` is how many items are written at once."""
        self.lost = 0
        self.failures = 0
        self._name = name
        self._words = words
        self._interval = interval
        self._limit = limit
        self._retry = retry
        self._batch = batch
        self._queue = deque[Item]()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._met_bug = False

    @abstractmethod
    def _write(self, items: Sequence[Item]) -> int:
        """Writes items, and returns how many: all, or the first ones. If it raises StoreError, it is called again with
        them. It runs in the thread, like the methods below."""

    @abstractmethod
    def _idle(self) -> None:
        """Called when all items are written. Raises StoreError."""

    @abstractmethod
    def _end(self) -> None:
        """Called after the last item."""

    def _pause(self) -> None:
        """Waits before another attempt."""
        self._stop.wait(self._retry)

    def append(self, item: Item) -> None:
        self.extend((item,))

    def extend(self, items: Sequence[Item]) -> None:
        """Takes items. Never blocks, never raises."""
        room = 0 if self._stop.is_set() else max(self._limit - len(self._queue), 0)
        if len(items) > room:
            self._lose(items[room:])
        self._queue.extend(items[:room])
        if items and room and not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._start()

    def close(self, seconds: float = 10.0) -> None:
        """Writes what is left, and waits for that at most `seconds`. After that the thread continues to write while the
        process lives."""
        with self._starting:
            if self._stop.is_set():
                return
            self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._thread is not None and self._thread.is_alive():
            log.warning("%d %s may be lost: %s takes too long", len(self._queue), self._words.items, self._name)
            return
        self._lose(list(self._queue))
        self._queue.clear()
        if self.lost:
            log.warning("%d %s could not be written to %s", self.lost, self._words.items, self._name)

    def _lose(self, items: Sequence[Item]) -> None:
        """Called with items that will not be written."""
        self.lost += len(items)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            log.warning("%s: %s", self._words.failed, error)

    def _bug(self) -> None:
        self.failures += 1
        if not self._met_bug:
            self._met_bug = True
            log.exception("%s: writing to %s fails", self._words.failed, self._name)

    def _start(self) -> None:
        """Starts the thread. If the system has none, the next item tries again."""
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                thread = threading.Thread(target=self._run, name=self._words.items, daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    self._wake.clear()
                    self._failed(error)
                else:
                    self._thread = thread

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._stop.wait(self._interval)
            self._wake.clear()
            if not self._write_all():
                self._pause()
                self._wake.set()
        self._write_all()
        self._end()

    def _write_all(self) -> bool:
        """Writes all items that wait. False if that is not possible now."""
        try:
            while self._queue:
                self._write_batch([self._queue[n] for n in range(min(len(self._queue), self._batch))])
            self._idle()
        except StoreError as error:
            self._failed(error)
            return False
        except Exception:  # noqa: BLE001 - it is logged
            self._bug()
        return True

    def _write_batch(self, items: Sequence[Item]) -> None:
        done = len(items)
        try:
            done = self._write(items)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - it is logged
            self._bug()
            self._lose(items)
        for _ in range(done):
            self._queue.popleft()

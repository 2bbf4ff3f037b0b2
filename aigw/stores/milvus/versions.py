"""The versions of collections, which other machines change, too, without a request to the server each time.

Rule: a returned version was read at most AGE_SECONDS ago. If it is not known yet, or if the server does not answer, a
unique text is returned. A thread reads the versions that were asked for lately, and ends when there are none."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from aigw.core.retrieval import RetrievalError

AGE_SECONDS = 3.0
PAUSE_SECONDS = 1.0
"""How long the thread waits between two readings."""
_IDLE_SECONDS = 600.0
"""A version that nobody has asked for in this time is not read any more."""


@dataclass(slots=True)
class _Watched:
    asked: float
    text: str = ""
    read_at: float = float("-inf")
    changes: int = 0
    """How many changes this process has made. A version that was read before the latest one does not count."""


class Versions:
    """`read` reads the version of a collection from the server, in a thread. It raises RetrievalError."""

    def __init__(self, read: Callable[[str], str], *, age: float = AGE_SECONDS, pause: float = PAUSE_SECONDS) -> None:
        self._read = read
        self._age = age
        self._pause = pause
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._unknown = itertools.count()

    def get(self, name: str) -> str:
        now = time.monotonic()
        with self._lock:
            watched = self._watched.setdefault(name, _Watched(now))
            watched.asked = now
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="milvus-versions", daemon=True)
                self._thread.start()
            if now - watched.read_at <= self._age:
                return watched.text
        return f"unknown.{next(self._unknown)}"

    def changed(self, name: str) -> None:
        """Reads the version anew, in this thread, if somebody watches it."""
        with self._lock:
            if (watched := self._watched.get(name)) is None:
                return
            watched.changes += 1
            watched.read_at = float("-inf")
        self._refresh(name, watched)

    def close(self) -> None:
        """A reading that is under way ends by itself."""
        self._stopped.set()

    def _run(self) -> None:
        while names := self._asked_lately():
            for name, watched in names:
                self._refresh(name, watched)
            if self._stopped.wait(self._pause):
                return

    def _refresh(self, name: str, watched: _Watched) -> None:
        began, changes = time.monotonic(), watched.changes
        with contextlib.suppress(RetrievalError):
            text = self._read(name)
            with self._lock:
                if watched.changes == changes and began > watched.read_at:
                    watched.text, watched.read_at = text, began

    def _asked_lately(self) -> list[tuple[str, _Watched]]:
        """Returns the collections whose version was asked for lately. If there are none, the calling thread must
        end."""
        now = time.monotonic()
        with self._lock:
            for name in [name for name, each in self._watched.items() if now - each.asked > _IDLE_SECONDS]:
                del self._watched[name]
            if not self._watched:
                self._thread = None
            return list(self._watched.items())

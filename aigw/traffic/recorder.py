"""Records calls into a folder: the event loop notes what passes, and a thread makes recordings of it and writes them.

Rule: no request waits for its recording. If recordings cannot be written, that is said at once and nothing more is
recorded; `on_error` says whether traffic goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Literal

from multidict import CIMultiDict

from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError
from aigw.traffic.call import Answered, Begun, begun
from aigw.traffic.scribe import Scribe
from aigw.upstream.tape import Outgoing

log = logging.getLogger("aigw")

MAX_WAITING_BYTES = 256 * 1024 * 1024
"""How many bytes of answers may wait for the thread. If more do, the disk is too slow, and recording stops."""

OnError = Literal["continue", "stop"]
_Job = tuple[int, Begun | Answered]


class FolderRecorder:
    """A `Recorder` of the door. `written` is called in the thread with each call that was written."""

    def __init__(self, scribe: Scribe, clock: Clock, *, on_error: OnError = "continue") -> None:
        self._scribe = scribe
        self._clock = clock
        self._on_error = on_error
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._number = 0
        self._waiting = 0
        self.failure = ""
        """Why nothing more is recorded, "" as long as all is well."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def begin(self, outgoing: Outgoing, replaces: str = "") -> Taking | None:
        """`replaces` is the name of the recording in whose place the new one comes."""
        if self.failure:
            if self._on_error == "stop":
                raise GatewayError(
                    503,
                    f"recording has stopped ({self.failure}), and record.on_error says that traffic stops then",
                    kind="server_error",
                    code="recording_failed",
                    headers={"x-should-retry": "false"},
                )
            return None
        self._number += 1
        self._jobs.put((self._number, begun(outgoing, self._clock.time(), replaces)))
        return Taking(self._number, self._clock.monotonic, self._done)

    @property
    def written(self) -> int:
        """How many recordings were written."""
        return self._scribe.written

    def close(self) -> None:
        """Writes what is left. Waits for the disk."""
        self._jobs.put(None)
        self._thread.join()
        self._scribe.close()

    def _done(self, number: int, answered: Answered, size: int) -> None:
        self._waiting += size
        if self._waiting > MAX_WAITING_BYTES:
            self._failed("the disk is slower than the traffic")
            return
        self._jobs.put((number, answered))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self.failure:
                continue
            number, what = job
            try:
                if isinstance(what, Begun):
                    self._scribe.begun(number, what)
                else:
                    self._scribe.answered(number, what)
                    self._waiting -= sum(len(data) for _, data in what.pieces)
            except OSError as error:
                self._failed(f"{self._scribe.folder.path}: {error.strerror or error}")
            except Exception as error:
                log.exception("a call could not be recorded")
                self._failed(f"a fault in aigw: {type(error).__name__}")

    def _failed(self, reason: str) -> None:
        if not self.failure:
            self.failure = reason
            goes = "traffic stops, too" if self._on_error == "stop" else "traffic goes on without"
            log.error("recording has stopped: %s; %s", reason, goes)


class Taking:
    """A `Take` of the door: one call that is being recorded."""

    __slots__ = ("_answered", "_began", "_done", "_ended", "_monotonic", "_number", "_size")

    def __init__(self, number: int, monotonic: Callable[[], float], done: Callable[[int, Answered, int], None]) -> None:
        self._number = number
        self._monotonic = monotonic
        self._done = done
        self._began = monotonic()
        self._answered = Answered()
        self._ended = False
        self._size = 0

    def head(self, status: int, headers: CIMultiDict[str]) -> None:
        self._answered.status = status
        self._answered.headers = tuple(headers.items())

    def piece(self, data: bytes) -> None:
        self._answered.pieces.append((self._monotonic() - self._began, data))
        self._size += len(data)

    def end(self, error: UpstreamError | None, *, whole: bool) -> None:
        if self._ended:
            return
        self._ended = True
        answered = self._answered
        answered.after = self._monotonic() - self._began
        answered.whole = whole
        if error is not None:
            answered.fault, answered.message = error.fault.name, str(error)
        self._done(self._number, answered, self._size)

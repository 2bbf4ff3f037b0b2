"""Records calls: notes what passes the one door, and gives it to the process that writes.

Rule: no request waits for its recording. If recordings cannot be written, that is said at once and nothing more is
recorded; `on_error` says whether traffic goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from multidict import CIMultiDict

from aigw.core.env import Clock
from aigw.core.errors import GatewayError, UpstreamError
from aigw.traffic.format.call import MAX_ANSWER, Answered, Begun, as_pairs, begun
from aigw.traffic.settings import OnError
from aigw.upstream.tape import Outgoing


class Sink(Protocol):
    """Takes calls and writes them. `aigw.traffic.writing.WritingProcess` is one."""

    failure: str
    written: int
    refused: int

    def put(self, number: int, what: Begun | Answered) -> None: ...

    def hide(self, secrets: Iterable[str]) -> None: ...

    def close(self) -> None: ...


class CallRecorder:
    """A `Recorder` of the door."""

    def __init__(self, sink: Sink, clock: Clock, *, on_error: OnError = "continue") -> None:
        self.sink = sink
        self._clock = clock
        self._on_error = on_error
        self._number = 0

    def begin(self, outgoing: Outgoing, replaces: str = "") -> Taking | None:
        """`replaces` is the name of the recording in whose place the new one comes."""
        if self.sink.failure:
            if self._on_error == "stop":
                raise GatewayError(
                    503,
                    f"recording has stopped ({self.sink.failure}), and record.on_error says that traffic stops then",
                    kind="server_error",
                    code="recording_failed",
                    headers={"x-should-retry": "false"},
                )
            return None
        self._number += 1
        self.sink.put(self._number, begun(outgoing, self._clock.time(), replaces))
        return Taking(self._number, self._clock.monotonic, self.sink)


class Taking:
    """A `Take` of the door: one call that is being recorded."""

    __slots__ = ("_answered", "_began", "_ended", "_monotonic", "_number", "_sink", "_size")

    def __init__(self, number: int, monotonic: Callable[[], float], sink: Sink) -> None:
        self._number = number
        self._monotonic = monotonic
        self._sink = sink
        self._began = monotonic()
        self._answered = Answered()
        self._ended = False
        self._size = 0

    def head(self, status: int, headers: CIMultiDict[str]) -> None:
        self._answered.status = status
        self._answered.headers = as_pairs(headers)

    def piece(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= MAX_ANSWER:
            self._answered.pieces.append((self._monotonic() - self._began, data))
        else:
            self._answered.pieces = []

    def end(self, error: UpstreamError | None, *, whole: bool) -> None:
        if self._ended:
            return
        self._ended = True
        answered = self._answered
        answered.after = self._monotonic() - self._began
        answered.whole, answered.size = whole, self._size
        if error is not None:
            answered.fault, answered.message = error.fault.name, str(error)
        self._sink.put(self._number, answered)

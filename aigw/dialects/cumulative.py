"""Reads streams in which each event has the usage so far (Gemini, DashScope).

Rule: nothing is decoded while a stream passes through. The last event with usage, and the events with a mark, are kept
and only decoded when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from aigw.core.model import Batch, Chunk, raw_of
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.sse import hide
from aigw.dialects.view import rows_of

MOST_MARKED = 64
"""How many events with marks are kept to be decoded later. A provider may write its marks into every event."""


class CumulativeReader(AnswerReader):
    """A `core.answer.Reader`. Its usage is that of the last event with usage."""

    USAGE: ClassVar[bytes] = b""
    """An event with usage contains these bytes."""

    __slots__ = ("_latest", "_marked", "_only_usage", "_taken")

    def __init__(self, choices: int = 1, *, streaming: bool, provider: str = "") -> None:
        super().__init__(choices, streaming=streaming, provider=provider)
        self._marked: list[Chunk] = []
        self._latest: Chunk | None = None
        self._only_usage = False
        """Whether the latest event with usage has no mark."""
        self._taken: Chunk | None = None

    def feed(self, batch: Batch) -> None:
        super().feed(batch)
        if not self.streaming:
            return
        raw = raw_of(batch)
        marked = [chunk for chunk in batch if self.marks(chunk.raw)] if self.marks(raw) else []
        if self.USAGE in raw:
            self._tell_usage(next((chunk for chunk in reversed(batch) if self.USAGE in chunk.raw), batch[-1]), marked)
        if marked:
            for chunk in marked:
                hide(batch, chunk, self.secrets)
            self._tell_marked(batch, marked)

    def _tell_usage(self, event: Chunk, marked: Sequence[Chunk]) -> None:
        """Replaces the previous event with only usage in `telling`, because only the last usage counts."""
        if self._only_usage and self.telling and self.telling[-1] is self._latest:
            self.telling.pop()
        self._latest = event
        self._only_usage = event not in marked
        self._undecoded = True
        if not marked:
            self.telling.append(event)

    def _tell_marked(self, batch: Batch, marked: Sequence[Chunk]) -> None:
        self.telling.extend([chunk for chunk in batch if chunk is self._latest or chunk in marked])
        self._marked += marked
        self._undecoded = True
        if len(self._marked) > MOST_MARKED:
            self._read()

    def tells(self, raw: bytes) -> bool:
        return False

    def marks(self, raw: bytes) -> bool:
        """Whether the bytes of one or more events may contain an end or an error."""
        return any(map(raw.__contains__, self.MARKS))

    def _read(self) -> None:
        """Decodes the events that were kept."""
        if not self._undecoded:
            return
        self._undecoded = False
        if not self.streaming:
            for body in self.bodies():
                self.take_body(body)
        if self._marked:
            marked, self._marked = self._marked, []
            for chunk in marked:
                for body in objects_of(chunk.json()):
                    self.take_event(body)
        if self._latest is not self._taken and self._latest is not None:
            self._taken = self._latest
            self._usage.take(self._latest.json())

    def bodies(self) -> list[Json]:
        """Returns the objects of a plain body."""
        return objects_of(self._whole().json())


def objects_of(value: Any) -> list[Json]:
    """Returns a list with the object, or the objects of a list. Gemini sends a list if it streams without events, and
    also for errors."""
    return [value] if isinstance(value, dict) else rows_of(value)

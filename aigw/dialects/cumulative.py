"""Reads streams each of whose events tells the usage so far (Gemini, DashScope).

Rule: nothing is decoded while a stream goes by. The last event that tells usage and those that hold a mark are kept as
they are, until somebody asks."""

from __future__ import annotations

from typing import Any, ClassVar

from aigw.core.model import Batch, Chunk, raw_of
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.view import rows_of

MOST_MARKED = 64
"""Events with marks that are kept to be decoded later; a provider may write its marks into every event."""


class CumulativeReader(AnswerReader):
    """A `core.dialect.Reader`. Its numbers are those of the last event that told any."""

    USAGE: ClassVar[bytes] = b""
    """Bytes that an event holds if it tells usage."""

    __slots__ = ("_latest", "_marked", "_taken")

    def __init__(self, *, streaming: bool, provider: str = "") -> None:
        super().__init__(streaming=streaming, provider=provider)
        self._marked: list[Chunk] = []
        self._latest: Chunk | None = None
        self._taken: Chunk | None = None

    def feed(self, batch: Batch) -> None:
        super().feed(batch)
        if not self._streaming:
            return
        raw = raw_of(batch)
        if self.USAGE in raw:
            self._tell_usage(next((chunk for chunk in reversed(batch) if self.USAGE in chunk.raw), batch[-1]))
        if self.marks(raw):
            marked = [chunk for chunk in batch if self.marks(chunk.raw)]
            self.telling.extend(marked)
            self._marked += marked
            if len(self._marked) > MOST_MARKED:
                self._read()

    def _tell_usage(self, event: Chunk) -> None:
        """Of all events that tell usage, only the last one says what counts."""
        if self.telling and self.telling[-1] is self._latest:
            self.telling.pop()
        self.telling.append(event)
        self._latest = event

    def tells(self, raw: bytes) -> bool:
        return False

    def marks(self, raw: bytes) -> bool:
        """Whether one or more events may tell an end or an error."""
        return any(map(raw.__contains__, self.MARKS))

    def _read(self) -> None:
        """Decodes what was put off."""
        if self._unread:
            self._unread = False
            for body in self.bodies():
                self.take_body(body)
        if self._marked:
            marked, self._marked = self._marked, []
            for chunk in marked:
                for body in objects_of(chunk.json()):
                    self.take_event(body, chunk)
        if self._latest is not self._taken and self._latest is not None:
            self._taken = self._latest
            self._usage.take(self._latest.json())

    def bodies(self) -> list[Json]:
        """The objects of a plain body."""
        return objects_of(self._whole().json())


def objects_of(value: Any) -> list[Json]:
    """The object, or the objects of a list: Gemini streams one where it is not asked for events, and puts errors into
    one."""
    return [value] if isinstance(value, dict) else rows_of(value)

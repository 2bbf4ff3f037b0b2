"""Splits bytes into server-sent events. Sans-io.

Rule: an event ends with a blank line, and lines end with LF, CRLF or CR (WHATWG HTML 9.2.6). The input may be cut
anywhere, also inside a UTF-8 character. No byte is lost: the `raw` of all chunks, joined, is the input.

A byte order mark before the first line is passed on, and is no part of the line.

An object without `data:` counts as data, too: Google and others tell so that a stream has failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from aigw.core.model import UNREAD, Batch, Burst, Chunk
from aigw.core.pace import LARGE, resting
from aigw.core.redaction import hidden_in
from aigw.dialects.json_values import encoded

_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_MARK = b"\xef\xbb\xbf"
_LF = ord("\n")

MAX_EVENT = 64 * 1024 * 1024
"""The largest event, in bytes. Long lists of tools make events of several MB. A larger event is an error."""


class Event(Chunk):
    """An event. `data` is None if the event has no data (a comment, or only a blank line)."""

    __slots__ = ("_data",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._json = UNREAD
        self._data: bytes | type[Event] | None = Event  # Event stands for "not read yet"

    @property
    def data(self) -> bytes | None:  # type: ignore[override]
        """The joined `data:` lines."""
        if self._data is Event:
            self._data = _data_of(self.raw)
        return self._data  # type: ignore[return-value]


def hide(batch: Batch, event: Chunk, secrets: Sequence[bytes]) -> None:
    """Hides secrets in an event of a batch that nobody else has seen yet."""
    raw = hidden_in(event.raw, secrets)
    if raw is not event.raw and isinstance(event, Event):
        event.__init__(raw)  # type: ignore[misc]
        if isinstance(batch, Burst):
            batch.changed()


def json_event(body: Any) -> Event:
    """Returns an event with `body` as JSON in its data."""
    return Event(b"data: " + encoded(body) + b"\n\n")


def rewritten(chunk: Chunk, body: Any) -> Chunk:
    """Returns the chunk with another body. An event keeps its other lines, because SDKs read them. Raises ValueError if
    the body cannot be encoded."""
    data = encoded(body)
    if chunk.raw is chunk.data:
        return Chunk(data, data)
    if _is_object(chunk.raw):
        return Event(data + b"\n\n")
    lines = [line for line in _LINE_END.split(chunk.raw.removeprefix(_MARK)) if line and not line.startswith(b"data:")]
    return Event(b"\n".join([*lines, b"data: " + data]) + b"\n\n")


class EventSplitter:
    """Splits a stream of bytes into events. `feed` takes the bytes that arrive. At the end, `rest` has the bytes of an
    incomplete event."""

    __slots__ = ("_buffer", "_has_returns")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._has_returns = False
        """Whether the rest contains a CR, so that lines may end in other ways than with LF."""

    @property
    def rest(self) -> bytes:
        """The bytes of an event that is not complete yet."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Batch:
        """Returns the events that `data` completes. Raises ValueError if an event is larger than MAX_EVENT."""
        if not self._buffer and data.endswith(b"\n\n") and b"\r" not in data:
            # a fast way for most reads of all providers
            return Burst(data, _split)
        buffer = self._buffer
        position = max(0, len(buffer) - 3)  # a boundary is at most four bytes long
        buffer += data
        if self._has_returns or b"\r" in data:
            return self._at_any_blank_line(position)
        end = buffer.rfind(b"\n\n", position) + 2  # 10 times as fast as a search for any blank line
        if end < 2:
            self._take_out(0)
            return []
        with memoryview(buffer) as view:
            whole = bytes(view[:end])
        self._take_out(end)
        return Burst(whole, _split)

    def _at_any_blank_line(self, position: int) -> list[Chunk]:
        buffer = self._buffer
        events: list[Chunk] = []
        start = 0
        while (boundary := _BLANK_LINE.search(buffer, position)) is not None:
            position = boundary.end()
            if position == len(buffer) and boundary.group() == b"\r\n\r":
                break  # its LF is still to come
            events.append(Event(bytes(buffer[start:position])))
            start = position
        del boundary  # a match holds its buffer, which could not be resized
        self._take_out(start)
        self._has_returns = b"\r" in buffer
        return events

    def _take_out(self, end: int) -> None:
        del self._buffer[:end]
        if len(self._buffer) > MAX_EVENT:
            raise ValueError(f"an event is larger than {MAX_EVENT} bytes")


def _split(data: bytes) -> list[Chunk]:
    """Splits whole events whose lines end with LF."""
    if len(data) > LARGE:
        return list(resting(_cut(data)))  # copies each event once, not twice
    return [Event(part + b"\n\n") for part in data[:-2].split(b"\n\n")]


def _cut(data: bytes) -> Iterator[Chunk]:
    start, last = 0, len(data) - 3
    while start < len(data):
        end = data.find(b"\n", start, last) + 1  # a single byte is found twenty times as fast
        while end and data[end] != _LF:
            end = data.find(b"\n", end, last) + 1
        end = end + 1 if end else len(data)
        yield Event(data[start:end])
        start = end


def is_whole(event: Event) -> bool:
    """Whether an event without a blank line at its end has all of its data. A comment counts as whole."""
    data = event.data
    if data is None:
        return event.raw.startswith(b":") and b"\n" not in event.raw.strip()
    return data == b"[DONE]" or event.json() is not None


def closed(raw: bytes) -> Event:
    """Adds the missing blank line to the last event of a stream, because clients drop an event without it. Only an
    object without `data:` stays as it is, because Google's SDK for Node.js drops one with a blank line."""
    return Event(raw if _is_object(raw) else raw.rstrip(b"\r\n") + b"\n\n")


def _is_object(raw: bytes) -> bool:
    return raw.removeprefix(_MARK).lstrip().startswith(b"{")


def _data_of(raw: bytes) -> bytes | None:
    if raw.startswith(b"data:") and raw.endswith(b"\n\n") and raw.find(b"\n", 0, -2) < 0 and b"\r" not in raw:
        return raw[6:-2] if raw[5:6] == b" " else raw[5:-2]
    raw = raw.removeprefix(_MARK)
    every = _LINE_END.split(raw) if b"\r" in raw else raw.split(b"\n")
    lines = [line[5:].removeprefix(b" ") for line in every if line.startswith(b"data:")]
    if lines:
        return b"\n".join(lines)
    return raw.strip() if _is_object(raw) else None

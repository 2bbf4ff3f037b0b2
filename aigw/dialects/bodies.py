"""Reads the answers of providers that are not what a dialect expects: with a content coding, events without their
content type, or bodies of an unknown kind. Sans-io.

Rule: the bytes go to the client as they came. What can be read is read from a decoded copy, and what cannot be read is
counted by its size, so that it is estimated and not free."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from aigw.core.content_coding import NO_CODINGS, Decoding, TooLargeError
from aigw.core.dialect import Asked
from aigw.core.model import Batch, Chunk, raw_of
from aigw.dialects.json_end import JsonEnd
from aigw.dialects.reader import MAX_PLAIN
from aigw.dialects.sse import Event, EventSplitter, is_whole

MEDIA = ("audio/", "image/", "video/")
BYTES_PER_MEDIUM = 250
"""How many bytes of a sound or an image count as one byte of text."""

_EVENTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")
_OBJECT = re.compile(rb"[\xef\xbb\xbf\xfe\xff\x00\s]*\{")
_TOLD = 8
"""How many bytes are needed to see whether a body consists of events."""


class Takes(Protocol):
    """What `BodyReader` needs of a `core.answer.Reader`."""

    def feed(self, batch: Batch) -> None: ...

    def pass_over(self, size: int) -> None: ...

    @property
    def error(self) -> str: ...

    @property
    def ended(self) -> bool: ...

    @property
    def finish(self) -> str: ...


Open = Callable[[bool], Takes]
"""Returns the reader of the answer: of events (true), or of a plain body."""


class Nobody:
    """Stands in for the reader of an answer that tells no usage. Nothing of it is kept."""

    error = finish = ""
    ended = True

    def feed(self, batch: Batch) -> None:
        return

    def pass_over(self, size: int) -> None:
        return


def is_json(asked: Asked, headers: Mapping[str, str]) -> bool:
    """Whether a plain answer with these headers is JSON that may report usage. It may have a content coding."""
    return asked.metered and "json" in headers.get("content-type", "").lower()


def is_coded(headers: Mapping[str, str]) -> bool:
    return headers.get("content-encoding", "identity").strip().lower() not in NO_CODINGS


def begins_object(body: bytes) -> bool:
    """Whether a body begins as a JSON object does, in any Unicode encoding."""
    return _OBJECT.match(body) is not None


def begins_events(body: bytes) -> bool:
    """Whether a body consists of server-sent events, whatever its content type says."""
    return _EVENTS.match(body) is not None


class BodyReader:
    """Passes an answer to the reader of its dialect, and sees where it was cut off. Its first bytes say whether it
    consists of events."""

    def __init__(self, open_reader: Open, headers: Mapping[str, str]) -> None:
        self._open = open_reader
        self._reader: Takes | None = None
        self._splitter: EventSplitter | None = None
        self._json: JsonEnd | None = None
        self._half = False
        self._begun = False
        self._torn = False
        """Whether reading failed, so that nothing more was seen."""
        self._head = b""
        self._size = 0
        """How many bytes were given to the decoder."""
        self._weight = BYTES_PER_MEDIUM if headers.get("content-type", "").lower().startswith(MEDIA) else 1
        self._decoding: Decoding | None = None
        self._corrupt = False
        """Whether the content coding cannot be undone, so that no client can read the answer either."""
        self._lost = self._weight > 1
        """Whether the rest cannot be read."""
        if is_coded(headers):
            try:
                self._decoding = Decoding(headers.get("content-encoding", ""), MAX_PLAIN)
            except (ValueError, ImportError):
                self._lost = True

    def feed(self, batch: Batch) -> None:
        self._torn = True
        raw = raw_of(batch)
        self._begun = self._begun or raw != b""
        self._feed(raw)
        self._torn = False

    def _feed(self, raw: bytes) -> None:
        data = raw
        if self._decoding is not None and not self._lost:
            self._size += len(raw)
            try:
                data = self._decoding.feed(raw)
            except ValueError as error:
                self._decoding, self._lost = None, True
                self._corrupt = not isinstance(error, TooLargeError)
        if self._lost:
            self._pass_over(len(raw))
        elif self._reader is None:
            self._head += data
            if len(self._head) >= _TOLD:
                self._begin()
        elif data:
            self._take(data)

    def end(self) -> None:
        """Passes on what is left. Call it when the answer has ended in any way."""
        if self._head:
            self._begin()
        elif self._reader is None and self._size:
            self._pass_over(self._size)  # it was cut off before anything could be decoded
        if self._splitter is not None and (rest := self._splitter.rest) and self._reader is not None:
            self._splitter = None
            last = Event(rest)
            self._half = bool(rest.strip()) and not is_whole(last)
            self._reader.feed((last,))

    @property
    def between(self) -> bool:
        """Whether an array was read up to a place between two elements. True for anything but an array."""
        if self._lost or self._torn:
            return True
        return self._reader is not None and (self._json is None or self._json.between)

    def flaw(self, *, sure: bool) -> str:
        """Returns where an answer was cut off, "" if it is whole or if nobody can tell. Call it after `end`. `sure`
        says that an empty answer was cut off, too."""
        if self._torn:
            return ""
        if not self._begun:
            return "before it began" if sure else ""
        if self._corrupt or (self._decoding is not None and not self._decoding.complete):
            return "in the middle of its content coding"
        if self._lost or self._reader is None:
            return ""
        if self._json is not None:
            return "in the middle of a JSON value" if self._json.open else ""
        if self._half:
            return "in the middle of an event"
        return "before it was complete" if not (self._reader.ended or self._reader.error) else ""

    @property
    def over(self) -> bool:
        """Whether the answer has finished, and its array is closed or its content coding came to its own end: it does
        not matter then how the connection ends. Call it after `end`."""
        reader, coding = self._reader, self._decoding
        if reader is None or self._lost or self._torn or self._half or not reader.finish or reader.error:
            return False
        return reader.ended and not (self._json is not None and self._json.open) and (coding is None or coding.complete)

    def _begin(self) -> None:
        head, self._head = self._head, b""
        events = begins_events(head)
        self._reader = self._open(events)
        self._splitter = EventSplitter() if events else None
        if not events and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
            self._lost = True
            self._pass_over(len(head))
            return
        if not events:
            self._json = JsonEnd()
        self._take(head)

    def _take(self, data: bytes) -> None:
        assert self._reader is not None
        if self._json is not None:
            self._json.feed(data)
        if self._splitter is None:
            self._reader.feed((Chunk(data, data),))
            return
        try:
            events = self._splitter.feed(data)
        except ValueError:
            self._lost, self._splitter = True, None
            self._pass_over(len(data))
            return
        if events:
            self._reader.feed(events)

    def _pass_over(self, size: int) -> None:
        if self._reader is None:
            self._reader = self._open(False)
        self._reader.pass_over(-(-size // self._weight))

"""Lets clients see that a stream has failed: SDKs pass over an event that tells so in another way than they know.

Rule: an event that they read stays as it is. Google and others write an object without `data:`; Anthropic's SDKs go by
the name of the event alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from aigw.core.answer import Reader
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk
from aigw.dialects.failures import failure_in_event, failure_of, names_error
from aigw.dialects.sse import Event

_DATA = re.compile(rb"(?:^|[\r\n])(?:\xef\xbb\xbf)?data:")

Reads = Callable[[Chunk], bool]
"""Whether clients of a format see an error in an event that has one."""


def openai_reads(event: Chunk) -> bool:
    """Whether OpenAI's SDKs see a failure in the event: they look for the field `error`, whatever the event's name."""
    body = event.json()
    return isinstance(body, dict) and bool(body.get("error") or body.get("type") == "error") and has_data(event)


def anthropic_reads(event: Chunk) -> bool:
    return names_error(event) and has_data(event)


def has_data(event: Chunk) -> bool:
    return _DATA.search(event.raw) is not None


def readable(event: Chunk, reads: Reads, error_event: Callable[[GatewayError], bytes]) -> Chunk:
    """Returns the event as it is, unless it is a failure that clients would pass over."""
    told = failure_in_event(event)
    if told is None or reads(event):
        return event
    failure = failure_of(told)
    error = GatewayError(failure.status, failure.message, kind=failure.kind or "api_error", code=failure.code or None)
    return Event(error_event(error))


class ReadableFailures:
    """A `core.layers.Decoder` behind the reader of the answer."""

    def __init__(self, reader: Reader, reads: Reads, error_event: Callable[[GatewayError], bytes]) -> None:
        self._reader = reader
        self._reads = reads
        self._error_event = error_event

    def feed(self, batch: Batch) -> Batch:
        if not self._reader.error:
            return batch
        return [readable(event, self._reads, self._error_event) for event in batch]

    def end(self) -> Batch:
        return ()

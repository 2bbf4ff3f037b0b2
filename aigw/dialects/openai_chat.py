"""OpenAI chat completions on the wire, sans-io: what can be told from an event without changing it.

Rule: bytes are compared before anything is decoded. `"usage"` with its quotes cannot stand inside a JSON string,
where the quotes would be escaped, so an event without these bytes has no such key."""

from __future__ import annotations

import re
from typing import Any

from aigw.core.model import Batch, Chunk

DONE_DATA = b"[DONE]"
"""What the last event of a stream says."""
DONE = b"data: " + DONE_DATA + b"\n\n"
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_TELLS_THE_END = re.compile(rb'"(?:finish_reason"\s*:\s*"|usage"\s*:\s*\{)')
"""Nearly every event of nearly every provider has these keys, with null; only the others are worth decoding."""
_GOES_ON = (b'"finish_reason":null}]}\n\n', b'"finish_reason":null}],"usage":null}\n\n')
"""How most events end where a stream has one choice; such an event has nothing else that matters here."""


def is_error(chunk: Chunk) -> bool:
    """True for an event that says that the call failed although the status was 200."""
    if b'"error"' not in chunk.raw:
        return False
    body = chunk.json()
    return isinstance(body, dict) and bool(body.get("error")) and not body.get("choices")


def is_usage_only(chunk: Chunk) -> bool:
    """True for the extra chunk that `stream_options.include_usage` adds: no choices, only usage."""
    if b'"usage"' not in chunk.raw:
        return False
    body = chunk.json()
    return isinstance(body, dict) and body.get("choices") == [] and bool(body.get("usage"))


class ChatStream:
    """What a client may rely on in a stream of chat or text completions.

    It sees no usage chunk that it did not ask for, and a complete stream ends with [DONE] also where the provider
    sends none. A stream that ends without a finish reason is left as it is: truncation is never papered over."""

    def __init__(self, *, hide_usage: bool, choices: int = 1) -> None:
        """`choices` is how many the client asked for (`n`); a stream is complete when each has its finish reason."""
        self._hide_usage = hide_usage
        self._choices = choices
        self._finished: set[int] = set()
        self._done = False
        self._owed = False  # the provider's own [DONE] was held back
        self._open = False  # the last event lacks its blank line

    def feed(self, batch: Batch) -> Batch:
        hidden = []
        telling = [chunk for chunk in batch if not chunk.raw.endswith(_GOES_ON)] if self._choices == 1 else batch
        for chunk in telling:
            if _TELLS_THE_END.search(chunk.raw):
                self._finished |= _finished_choices(chunk)
                if self._hide_usage and is_usage_only(chunk):
                    hidden.append(chunk)
            elif DONE_DATA in chunk.raw and chunk.data == DONE_DATA:
                self._done = True
                if not chunk.raw.endswith(_BLANK_LINES):
                    hidden.append(chunk)  # without its blank line some clients would not see it: `end` sends it whole
                    self._owed = True
        shown = [chunk for chunk in batch if chunk not in hidden] if hidden else batch
        if shown:
            self._open = not shown[-1].raw.endswith(_BLANK_LINES)
        return shown

    def end(self) -> Batch:
        if not self._owed and (self._done or len(self._finished) < self._choices):
            return []
        return [Chunk(b"\n\n" + DONE if self._open else DONE, DONE_DATA)]


def _finished_choices(chunk: Chunk) -> set[int]:
    """The indices of the choices that have their finish reason in this event."""
    indices = (choice.get("index", 0) for choice in choices_of(chunk.json()) if choice.get("finish_reason"))
    return {index for index in indices if isinstance(index, int)}


def choices_of(body: Any) -> list[dict[str, Any]]:
    """The choices of an answer or an event, none where it has no such list."""
    choices = body.get("choices") if isinstance(body, dict) else None
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []

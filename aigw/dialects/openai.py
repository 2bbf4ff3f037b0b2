"""OpenAI chat completions on the wire, sans-io: what can be told from an event without changing it.

Rule: bytes are compared before anything is decoded. `"usage"` with its quotes cannot stand inside a JSON string,
where the quotes would be escaped, so an event without these bytes has no such key."""

from __future__ import annotations

import re

from aigw.core.model import Batch, Chunk

DONE = b"data: [DONE]\n\n"
_TELLS_THE_END = re.compile(rb'"(?:finish_reason"\s*:\s*"|usage"\s*:\s*\{)')
"""Nearly every event of nearly every provider has these keys, with null; only the others are worth decoding."""


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
    """What a client may rely on in a stream of chat or text completions (clients.md E5, E7).

    It sees no usage chunk that it did not ask for, and a complete stream ends with [DONE] also where the provider
    sends none. A stream that ends without a finish reason is left as it is: truncation is never papered over."""

    def __init__(self, *, hide_usage: bool) -> None:
        self._hide_usage = hide_usage
        self._finished = False
        self._done = False

    def feed(self, batch: Batch) -> Batch:
        hidden = []
        for chunk in batch:
            if _TELLS_THE_END.search(chunk.raw):
                self._finished = self._finished or _has_finish_reason(chunk)
                if self._hide_usage and is_usage_only(chunk):
                    hidden.append(chunk)
            elif b"[DONE]" in chunk.raw and chunk.data == b"[DONE]":
                self._done = True
        return [chunk for chunk in batch if chunk not in hidden] if hidden else batch

    def end(self) -> Batch:
        return [Chunk(DONE, b"[DONE]")] if self._finished and not self._done else []


def _has_finish_reason(chunk: Chunk) -> bool:
    body = chunk.json()
    choices = body.get("choices") if isinstance(body, dict) else None
    return any(isinstance(choice, dict) and choice.get("finish_reason") for choice in choices or ())

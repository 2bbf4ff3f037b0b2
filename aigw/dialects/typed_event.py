"""Reads and writes events that have their type twice, in an `event:` line and in the field `type`, as in Anthropic's
API and OpenAI's Responses API. Their SDKs need both."""

from __future__ import annotations

from aigw.core.model import Chunk
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.sse import Event


def typed_event(body: Json) -> Event:
    """Returns an event with `body` as its data. It has no `event:` line if the type in `body` is not valid in one.
    Raises ValueError if the body cannot be encoded."""
    kind = body.get("type")
    line = f"event: {kind}\n".encode() if isinstance(kind, str) and kind.isprintable() else b""
    return Event(line + b"data: " + encoded(body) + b"\n\n")


def type_of(chunk: Chunk) -> str:
    """Returns the type of an event, "" if it has none."""
    body = chunk.json()
    kind = body.get("type") if isinstance(body, dict) else None
    return kind if isinstance(kind, str) else ""

"""Events that say their type twice, in an `event:` line and in the member `type`: Anthropic's, and those of OpenAI's
Responses. Their SDKs need both.

Rule: JSON that cannot be read or written is a ValueError, whatever is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from aigw.core.model import Chunk
from aigw.dialects.sse import Event

Json = dict[str, Any]

_decode = msgspec.json.Decoder().decode


def typed_event(body: Json) -> Event:
    """The event whose data is `body`, which has a `type`."""
    return Event(b"event: " + str(body["type"]).encode() + b"\ndata: " + encoded(body) + b"\n\n")


def rewritten(chunk: Chunk, body: Json) -> Chunk:
    """`body` in place of what the chunk says: an event stays an event, a plain body a plain body."""
    if chunk.raw is not chunk.data:
        return typed_event(body)
    data = encoded(body)
    return Chunk(data, data)


def type_of(chunk: Chunk) -> str:
    """ "" for what is no event with a type."""
    body = chunk.json()
    kind = body.get("type") if isinstance(body, dict) else None
    return kind if isinstance(kind, str) else ""


def encoded(value: Any) -> bytes:
    """Raises ValueError for what cannot be written."""
    try:
        return msgspec.json.encode(value)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def decoded(data: bytes) -> Any:
    """Raises ValueError for what is no JSON."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def object_of(data: bytes) -> Json:
    """Raises ValueError for what is no JSON object."""
    value = decoded(data)
    if not isinstance(value, dict):
        raise ValueError("a body that is no JSON object")
    return value


def json_text(value: Any) -> str:
    """The value as JSON text. Half of a surrogate pair, which clients send when they cut an emoji, stays escaped."""
    try:
        return encoded(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value)

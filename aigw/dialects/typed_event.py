"""Reads and writes events that have their type twice, in an `event:` line and in the field `type`, as in Anthropic's
API and OpenAI's Responses API. Their SDKs need both.

Rule: if JSON cannot be decoded or encoded, the error is always a ValueError."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from aigw.core.model import Chunk
from aigw.dialects.sse import Event

Json = dict[str, Any]

_decode = msgspec.json.Decoder().decode


def typed_event(body: Json) -> Event:
    """Returns an event with `body` as its data. It has no `event:` line if the type in `body` is not valid in one."""
    kind = body.get("type")
    line = f"event: {kind}\n".encode() if isinstance(kind, str) and kind.isprintable() else b""
    return Event(line + b"data: " + encoded(body) + b"\n\n")


def rewritten(chunk: Chunk, body: Json) -> Chunk:
    """Returns a chunk with another body: an event for an event, a plain body for a plain body."""
    if chunk.raw is not chunk.data:
        return typed_event(body)
    data = encoded(body)
    return Chunk(data, data)


def type_of(chunk: Chunk) -> str:
    """Returns the type of an event, "" if it has none."""
    body = chunk.json()
    kind = body.get("type") if isinstance(body, dict) else None
    return kind if isinstance(kind, str) else ""


def encoded(value: Any) -> bytes:
    """Returns the value as JSON. Raises ValueError if that is not possible."""
    try:
        return msgspec.json.encode(value)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def decoded(data: bytes) -> Any:
    """Returns the decoded value. Raises ValueError if `data` is not JSON."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def object_of(data: bytes) -> Json:
    """Returns the decoded object. Raises ValueError if `data` is not a JSON object."""
    value = decoded(data)
    if not isinstance(value, dict):
        raise ValueError("a body that is no JSON object")
    return value


def json_text(value: Any) -> str:
    """Returns the value as JSON text. Half of a surrogate pair, which clients send when they cut an emoji, is
    escaped."""
    try:
        return encoded(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value)

"""Reads and writes JSON values, as bytes and as text.

Rule: if JSON cannot be decoded or encoded, the error is always a ValueError."""

from __future__ import annotations

import json
from typing import Any

import msgspec

Json = dict[str, Any]

_decode = msgspec.json.Decoder().decode


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

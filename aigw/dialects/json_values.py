"""Reads and writes JSON values, as bytes and as text.

Rule: if JSON cannot be decoded or encoded, the error is always a ValueError. Half of a surrogate pair, which others
write when they cut an emoji, is no error: it stays what it is, as an escape."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from aigw.core import document, large_json
from aigw.core.pace import LARGE

Json = dict[str, Any]

_decode = msgspec.json.Decoder().decode
encoded = document.encoded


def decoded(data: bytes) -> Any:
    """Returns the decoded value. Raises ValueError if `data` is not JSON."""
    return document.decoded(data, _decode if len(data) <= LARGE else _decode_large, json.loads)


def _decode_large(data: bytes) -> Any:
    return large_json.decoded(data, _decode)


def object_of(data: bytes) -> Json:
    """Returns the decoded object. Raises ValueError if `data` is not a JSON object."""
    value = decoded(data)
    if not isinstance(value, dict):
        raise ValueError("a body that is no JSON object")
    return value


def json_text(value: Any) -> str:
    """Returns the value as JSON text."""
    return encoded(value).decode()

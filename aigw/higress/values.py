"""Reads values of a JSON body as Higress does: as true or false, and as text."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def truthy(value: Any) -> bool:
    """Whether Higress takes the value for true: true, a number other than 0, or a text that Go's ParseBool reads as
    true."""
    if isinstance(value, str):
        return value in ("1", "t", "T", "true", "TRUE", "True")
    return bool(value) and isinstance(value, bool | int | float)


def text_of(value: Any) -> str:
    """A value as text: strings as they are, null empty, anything else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value, separators=(",", ":"))

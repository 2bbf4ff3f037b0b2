"""Decides as Higress whether a value in a JSON body is true."""

from __future__ import annotations

from typing import Any


def truthy(value: Any) -> bool:
    """Whether Higress takes the value for true: true, a number other than 0, or a text that Go's ParseBool reads as
    true."""
    if isinstance(value, str):
        return value in ("1", "t", "T", "true", "TRUE", "True")
    return bool(value) and isinstance(value, bool | int | float)

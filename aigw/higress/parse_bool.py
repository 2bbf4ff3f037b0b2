"""What Higress takes for true in a JSON body."""

from __future__ import annotations

from typing import Any


def truthy(value: Any) -> bool:
    """What Higress takes for true: true, a number that is not 0, and the texts Go's ParseBool accepts."""
    if isinstance(value, str):
        return value in ("1", "t", "T", "true", "TRUE", "True")
    return bool(value) and isinstance(value, bool | int | float)

"""Reads values of a request's fields. A value of a wrong type reads as if the client had left it out, as in
`dialects.view`, except for a limit, because an answer without one may be expensive."""

from __future__ import annotations

from typing import Any

from aigw.higress.values import truthy
from aigw.translation.notes import refused


def integer(value: Any) -> int | None:
    return value if type(value) is int else None


def limit(value: Any, name: str) -> int | None:
    """Returns a limit as a whole number, None if it is missing. Raises GatewayError for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or type(value) is int:
        return value
    raise refused(name, "must be a whole number of tokens")


def switch(value: Any) -> bool:
    """Whether a flag is set. Null is not."""
    return value is not None and truthy(value)


def boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def texts(value: Any) -> tuple[str, ...]:
    """A text, or the texts of a list."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(each for each in given if isinstance(each, str))

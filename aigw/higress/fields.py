"""Reads the fields of a JSON object as Go decodes them into a struct.

Rule: what is missing or null is Go's zero value. A value of another type raises ValueError, which names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str | None):
        raise ValueError(f"{name}: must be a string")
    return value or ""


def whole(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int | None) or isinstance(value, bool):
        raise ValueError(f"{name}: must be a whole number")
    return value or 0


def number(fields: Mapping[str, Any], name: str) -> float:
    value = fields.get(name)
    if not isinstance(value, int | float | None) or isinstance(value, bool):
        raise ValueError(f"{name}: must be a number")
    return value or 0


def flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool | None):
        raise ValueError(f"{name}: must be true or false")
    return bool(value)


def mapping(fields: Mapping[str, Any], name: str) -> Json | None:
    value = fields.get(name)
    if not isinstance(value, dict | None):
        raise ValueError(f"{name}: must be an object")
    return value


def rows(fields: Mapping[str, Any], name: str) -> list[Json]:
    value = fields.get(name)
    if not isinstance(value, list | None) or not all(isinstance(row, dict | None) for row in value or ()):
        raise ValueError(f"{name}: must be an array of objects")
    return [row or {} for row in value or ()]


def texts(fields: Mapping[str, Any], name: str) -> list[str]:
    value = fields.get(name)
    if not isinstance(value, list | None) or not all(isinstance(each, str | None) for each in value or ()):
        raise ValueError(f"{name}: must be an array of strings")
    return [each or "" for each in value or ()]

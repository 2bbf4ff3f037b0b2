"""Compares two requests: the changes between their canonical forms, and how similar they are.

Rule: if a placeholder of a volatile value differs only in its number, it is ignored beside other differences, because
the number changes when a value is added before it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aigw.core.difference import Change, changes
from aigw.core.json_path import JsonPath

BODIES = ("body", "form", "text", "sha256")
"""The fields of a canonical form that may have the body. Places within the body are named by their path in it, as users
know them."""
_NUMBERED = re.compile(r"<(uuid|id|path) \d+>")
_DEEP = 16
"""Deeper values are alike only if they are equal."""
_PAIRS = 8
"""How many differing elements of two lists are compared."""


def changed(recorded: dict[str, Any], asked: dict[str, Any]) -> list[Change]:
    """Returns the changes from one canonical form to the other. Their paths begin with the name of a part of it."""
    found = list(changes(recorded, asked))
    return [each for each in found if not _renumbered(each)] or found


def _renumbered(change: Change) -> bool:
    old, new = change.old, change.new
    return isinstance(old, str) and isinstance(new, str) and _NUMBERED.sub(r"\1", old) == _NUMBERED.sub(r"\1", new)


def place_of(path: JsonPath) -> JsonPath:
    """Returns the path as users know it: the path within the body, or the name of another part."""
    return path[1:] if len(path) > 1 and path[0] in BODIES else ("body",) if path[0] in BODIES else path


def likeness(one: Any, other: Any, depth: int = 0) -> float:
    """Returns how much of two JSON values is equal, from 0 to 1. To take little time, equal values are compared as a
    whole, and only the beginning and the end of texts and lists count."""
    if one == other:
        return 1.0
    if type(one) is not type(other) or depth > _DEEP:
        return 0.0
    if isinstance(one, dict):
        common = sum(likeness(item, other[key], depth + 1) for key, item in one.items() if key in other)
        return common / max(len(one.keys() | other.keys()), 1)
    if isinstance(one, list):
        return _of_lists(one, other, depth)
    if isinstance(one, str):
        return sum(_around(one, other)) / max(len(one), len(other))
    return 0.0


def _of_lists(one: list[Any], other: list[Any], depth: int) -> float:
    start, end = _around(one, other)
    pairs = list(zip(one[start : len(one) - end], other[start : len(other) - end], strict=False))[:_PAIRS]
    alike = sum(likeness(first, second, depth + 1) for first, second in pairs)
    return (start + end + alike) / max(len(one), len(other))


def _around(one: Any, other: Any) -> tuple[int, int]:
    """Returns how many elements are the same at the start and at the end of two texts or lists."""
    most = min(len(one), len(other))
    start = _longest(most, lambda size: one[:size] == other[:size])
    end = _longest(most - start, lambda size: one[len(one) - size :] == other[len(other) - size :])
    return start, end


def _longest(most: int, same: Callable[[int], bool]) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if same(middle) else (low, middle - 1)
    return low

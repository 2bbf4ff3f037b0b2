"""Compares two JSON values. The result is a list of changes which, applied in order, turn the old value into the new.

Rule: if an element of a list has only moved because elements were added before it, that is no change. So a prompt that
is added before a conversation is one change. The order of an object's keys does not count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from aigw.core.json_path import JsonPath

MAX_DEPTH = 64
"""Values that are nested deeper than this are compared as a whole."""
MAX_PAIRS = 40_000
"""Limits the time of a comparison: if the differing parts of two lists have more pairs of elements than this, only
elements with the same index are compared."""


class Change(NamedTuple):
    """A change of a JSON value. `op` is "add", "remove" or "replace". An index in `path` refers to the list after all
    changes before this one."""

    op: str
    path: JsonPath
    old: Any = None
    new: Any = None


def changes(old: Any, new: Any, path: JsonPath = ()) -> Iterator[Change]:
    """Yields the changes from `old` to `new`, which are values as `json.loads` returns them. `path` is the path of both
    values. Raises RecursionError if a value is nested too deeply to be written as JSON."""
    if isinstance(old, dict) and isinstance(new, dict) and len(path) < MAX_DEPTH:
        for key, value in old.items():
            if key in new:
                yield from changes(value, new[key], (*path, key))
            else:
                yield Change("remove", (*path, key), value)
        for key, value in new.items():
            if key not in old:
                yield Change("add", (*path, key), None, value)
    elif isinstance(old, list) and isinstance(new, list) and len(path) < MAX_DEPTH:
        yield from _elements(old, new, path)
    elif _identity(old) != _identity(new):
        yield Change("replace", path, old, new)


def _elements(old: list[Any], new: list[Any], path: JsonPath) -> Iterator[Change]:
    before, after = list(map(_identity, old)), list(map(_identity, new))
    for i1, i2, j1, j2 in _differing(before, after):
        pairs = min(i2 - i1, j2 - j1)
        for n in range(pairs):
            yield from changes(old[i1 + n], new[j1 + n], (*path, j1 + n))
        for n in range(i1 + pairs, i2):
            yield Change("remove", (*path, j1 + pairs), old[n])
        for n in range(j1 + pairs, j2):
            yield Change("add", (*path, n), None, new[n])


def _differing(before: list[str], after: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yields the parts that differ, each as (start, end) in `before` and (start, end) in `after`."""
    start, end = 0, 0
    shorter = min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    before, after = before[start : len(before) - end], after[start : len(after) - end]
    if len(before) * len(after) > MAX_PAIRS:
        yield start, start + len(before), start, start + len(after)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield start + i1, start + i2, start + j1, start + j2


def _identity(value: Any) -> str:
    """Returns a text that is equal only for equal JSON. For Python 1, 1.0 and True are equal, but not here."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

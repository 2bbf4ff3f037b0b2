"""What makes one JSON value another: a list of changes that, applied one after the other, turn the old into the new.

Rule: an element that only moved because others came before it is no change, so that a prompt put in front of a
conversation is one addition. The order of an object's keys does not count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from aigw.core.json_path import JsonPath

MAX_DEPTH = 64
"""Values nested deeper are compared as a whole."""
MAX_PAIRS = 40_000
"""Lists whose differing parts have more pairs of elements are compared place by place."""


class Change(NamedTuple):
    """`op` is add, remove or replace. An index in `path` counts in the list as the changes before have left it."""

    op: str
    path: JsonPath
    old: Any = None
    new: Any = None


def changes(old: Any, new: Any, path: JsonPath = ()) -> Iterator[Change]:
    """The values are as `json.loads` makes them. Raises RecursionError for values that nobody can write as JSON."""
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
    """The parts that are not the same: from and to in `before`, from and to in `after`."""
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
    """The same for the same JSON only: 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

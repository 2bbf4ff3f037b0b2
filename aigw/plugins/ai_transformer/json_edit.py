"""Changes values in decoded JSON, by paths such as `user.name` and `items.0.id`. Sans-io.

A number is the index of a list; in `set`, -1 stands behind its last value. `\\.` is a dot in a name. What is not there
is neither removed nor renamed."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"((?:[^.\\]|\\.)*)(\.|$)", re.DOTALL)
MAX_STEPS = 50

Path = tuple[str, ...]


class PathError(Exception):
    """The JSON has no place for a value at this path."""


def parse_path(text: str) -> Path:
    """Parses a path. Raises ValueError if it is not one."""
    steps: list[str] = []
    position, more = 0, True
    while more:
        found = _STEP.match(text, position)
        if found is None or not found[1] or len(steps) == MAX_STEPS:
            raise ValueError(f"{text!r} is no path; write names and indices with dots between them, such as items.0.id")
        steps.append(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        position, more = found.end(), found[2] == "."
    return tuple(steps)


def set_at(top: Any, path: Path, value: Any) -> None:
    """Makes the objects that lead there. Raises PathError if something else is in the way."""
    holder = top
    for index, step in enumerate(path[:-1]):
        inner = _get(holder, step)
        if inner is None:
            inner = {}
            _put(holder, step, inner, path[: index + 1])
        holder = inner
    _put(holder, path[-1], value, path)


def remove_at(top: Any, path: Path) -> None:
    holder = _find(top, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and (index := _index(path[-1], holder)) is not None:
        del holder[index]


def rename_at(top: Any, path: Path, name: str) -> None:
    """The field keeps its place among the others. One that has the new name already is replaced."""
    holder = _find(top, path[:-1])
    old = path[-1]
    if not isinstance(holder, dict) or old not in holder or old == name:
        return
    fields = [(name if key == old else key, value) for key, value in holder.items() if key != name]
    holder.clear()
    holder.update(fields)


def _find(top: Any, path: Path) -> Any:
    for step in path:
        top = _get(top, step)
    return top


def _get(holder: Any, step: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(step)
    if isinstance(holder, list) and (index := _index(step, holder)) is not None:
        return holder[index]
    return None


def _index(step: str, holder: list[Any]) -> int | None:
    """Returns the index that a step means in a list, None if the list has no value there."""
    index = int(step) if step.isascii() and step.isdigit() and len(step) < 10 else -1
    return index if 0 <= index < len(holder) else None


def _put(holder: Any, step: str, value: Any, path: Path) -> None:
    if isinstance(holder, dict):
        holder[step] = value
    elif isinstance(holder, list) and (index := _index(step, holder)) is not None:
        holder[index] = value
    elif isinstance(holder, list) and step in ("-1", str(len(holder))):
        holder.append(value)
    else:
        kind = "list" if isinstance(holder, list) else "object"
        raise PathError(f"{'.'.join(path)} cannot be set: {_place(path)} is no {kind} that has a place for it")


def _place(path: Path) -> str:
    return ".".join(path[:-1]) or "the body"

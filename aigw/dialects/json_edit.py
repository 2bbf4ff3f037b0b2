"""Edits values inside a JSON document: everything else keeps its bytes. Finds the place for inserted turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aigw.core.dialect import Where
from aigw.core.document import Document, fields_of, items_of
from aigw.core.json_path import JsonPath
from aigw.dialects.answer_texts import MemberName


def place_of(where: Where, roles: Sequence[str | None]) -> int:
    """Returns the index at which turns are inserted into a conversation whose turns have these roles."""
    if where == "before":
        return 0
    if where == "behind":
        return len(roles)
    if where == "before last":
        return max(len(roles) - 1, 0)
    return next((index for index, role in enumerate(roles) if role != "system"), len(roles))


_Changes = dict[Any, Any]
"""New values by their paths: a step of a path leads to further _Changes, or to the new value (`_New`)."""
GONE: Any = object()
"""The value of a field of an object that shall no longer be there."""


class _New(NamedTuple):
    value: Any


def put(document: Document, values: Iterable[tuple[JsonPath, Any]]) -> None:
    """Replaces the values at these paths. Each field is split and joined once, however many values are in it. Names of
    members (`MemberName`) are replaced one by one after that, the innermost first. Raises ValueError if there is no
    such path."""
    given = list(values)
    names = [each for each in given if isinstance(each[0][-1], MemberName)]
    _put_all(document, [each for each in given if not isinstance(each[0][-1], MemberName)] if names else given)
    for path, name in sorted(names, key=lambda each: -len(each[0])):
        _put_all(document, [(path, name)])


def _put_all(document: Document, values: Iterable[tuple[JsonPath, Any]]) -> None:
    for name, change in _by_step(values).items():
        raw = document.raw(str(name))
        if raw is None:
            raise ValueError(f"there is no {name}")
        try:
            document.set(str(name), _put(raw, change))
        except (ValueError, LookupError) as error:
            raise ValueError(f"{name}: {error}") from None


def _by_step(values: Iterable[tuple[JsonPath, Any]]) -> _Changes:
    changes: _Changes = {}
    for path, value in values:
        here: _Changes = changes
        for step in path[:-1]:
            here = here.setdefault(step, {})
        here[path[-1]] = _New(value)
    return changes


def _put(raw: bytes, change: _Changes | _New) -> Any:
    if isinstance(change, _New):
        return change.value
    if all(isinstance(step, int) for step in change):
        items: list[Any] = list(items_of(raw))
        for step, inner in change.items():
            items[step] = _put(bytes(items[step]), inner)
        return items
    fields: dict[str, Any] = dict(fields_of(raw))
    for step, inner in change.items():
        if isinstance(step, MemberName) and isinstance(inner, _New):
            return {inner.value if name == step else name: value for name, value in fields.items()}
        value = _put(bytes(fields[step]), inner)
        if value is GONE:
            del fields[step]
        else:
            fields[step] = value
    return fields

"""Conditions on the fields of passages, as SQL.

Rule: names of fields and values are bound, never pasted. A missing field fulfils no condition. Numbers are compared
only with numbers, and texts with texts. A name means a field that was given to the passage, or else its text, source or
title."""

from __future__ import annotations

import json
from collections.abc import Callable

from aigw.core.retrieval import RAW, SOURCE, TITLE, Both, Comparison, Condition, RetrievalError

Clause = tuple[str, list[object]]
"""A piece of SQL about a row of `passages`, and its parameters."""
_COLUMNS = {RAW: "text", SOURCE: "source", TITLE: "title"}
_ORDERS = ("<", "<=", ">", ">=")
_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
"""LIKE takes no notice of small and capital letters; GLOB does."""


def clause(condition: Condition) -> Clause:
    """Raises RetrievalError for a condition that makes no sense."""
    if isinstance(condition, Comparison):
        return _comparison(condition)
    return _both(condition)


def _both(both: Both) -> Clause:
    clauses = [clause(each) for each in both.conditions]
    word = " AND " if both.every else " OR "
    text = word.join(text for text, _ in clauses) or str(int(both.every))
    return f"({text})", [value for _, values in clauses for value in values]


def _comparison(comparison: Comparison) -> Clause:
    field, operator, value = comparison
    if '"' in field:
        raise RetrievalError(f'a filter cannot name the field {field}: it has a " in its name')
    path = f'$."{field}"'
    if operator in ("=", "!="):
        return f"{_value(field)} {operator} ?", [path, _plain(comparison, value)]
    if operator in _ORDERS:
        types = "('text')" if isinstance(value, str) else "('integer', 'real')"
        return (
            f"({_type(field)} IN {types} AND {_value(field)} {operator} ?)",
            [path, path, _plain(comparison, value)],
        )
    make = _OTHERS.get(operator)
    if make is None:
        known = " ".join(("=", "!=", *_ORDERS, *_OTHERS))
        raise RetrievalError(f"a filter has the unknown operator {operator}; known are {known}")
    return make(comparison, path)


def _in(comparison: Comparison, path: str) -> Clause:
    if isinstance(comparison.value, str) or not hasattr(comparison.value, "__iter__"):
        raise RetrievalError(f"a filter on {comparison.field} wants a list after `in`")
    values = [_plain(comparison, each) for each in comparison.value]
    found = _value(comparison.field)
    return f"{found} IN (SELECT value FROM json_each(?))", [path, json.dumps(values)]  # noqa: S608  bound


def _like(comparison: Comparison, path: str) -> Clause:
    if not isinstance(comparison.value, str):
        raise RetrievalError(f"a filter on {comparison.field} wants a text after `like`")
    pattern = "".join(_GLOB.get(letter, letter) for letter in comparison.value)
    kind, found = _type(comparison.field), _value(comparison.field)
    return f"({kind} = 'text' AND {found} GLOB ?)", [path, path, pattern]


_OTHERS: dict[str, Callable[[Comparison, str], Clause]] = {"in": _in, "like": _like}


def _value(field: str) -> str:
    """The SQL of a field's value. Its one parameter is the path of the field."""
    given = "json_extract(fields, ?)"
    return f"coalesce({given}, nullif({_COLUMNS[field]}, ''))" if field in _COLUMNS else given


def _type(field: str) -> str:
    given = "json_type(fields, ?)"
    return f"coalesce({given}, 'text')" if field in _COLUMNS else given


def _plain(comparison: Comparison, value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    raise RetrievalError(f"a filter compares {comparison.field} with {value!r}, which is no number, text or bool")

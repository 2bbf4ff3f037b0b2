"""Conditions on the fields of passages, in Milvus's language of filters.

Rule: names of fields and values are written as quoted literals, so that none of them is read as a filter. A field that
a passage does not have fulfils no condition."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from aigw.core.retrieval import RAW, SOURCE, TITLE, Both, Comparison, Condition, RetrievalError

_COLUMNS = {RAW: "text", SOURCE: 'about["source"]', TITLE: 'about["title"]'}
_ORDERS = ("<", "<=", ">", ">=")


def clause(condition: Condition) -> str:
    """Raises RetrievalError for a condition that makes no sense."""
    if isinstance(condition, Comparison):
        return _comparison(condition)
    return _both(condition)


def _both(both: Both) -> str:
    word = " and " if both.every else " or "
    return f"({word.join(map(clause, both.conditions)) or ('key >= 0' if both.every else 'key < 0')})"


def _comparison(comparison: Comparison) -> str:
    """Writes a comparison of a field that was given to the passage or, if there is none of this name, of its text,
    source or title."""
    path = f"fields[{_quoted(comparison, comparison.field)}]"
    given = _compared(comparison, path)
    column = _COLUMNS.get(comparison.field)
    if column is None:
        return given
    return f'({given} or (not exists {path} and {column} != "" and {_compared(_of_text(comparison), column)}))'


def _compared(comparison: Comparison, path: str) -> str:
    _, operator, value = comparison
    if operator in ("=", *_ORDERS):
        return f"({path} {'==' if operator == '=' else operator} {_literal(comparison, value)})"
    if operator == "!=":
        there = f"exists {path} and " if path.startswith("fields") else ""
        return f"({there}{path} != {_literal(comparison, value)})"
    make = _OTHERS.get(operator)
    if make is None:
        known = " ".join(("=", "!=", *_ORDERS, *_OTHERS))
        raise RetrievalError(f"a filter has the unknown operator {operator}; known are {known}")
    return make(comparison, path)


def _of_text(comparison: Comparison) -> Comparison:
    """Returns the comparison for a column that is always a text, so that other values match nothing."""
    if isinstance(comparison.value, str):
        return comparison
    if comparison.operator == "in":
        return comparison._replace(value=[each for each in comparison.value if isinstance(each, str)])
    return Comparison(comparison.field, "in", [])


def _in(comparison: Comparison, path: str) -> str:
    if isinstance(comparison.value, str) or not hasattr(comparison.value, "__iter__"):
        raise RetrievalError(f"a filter on {comparison.field} wants a list after `in`")
    return f"({' or '.join(f'{path} == {_literal(comparison, each)}' for each in comparison.value) or 'key < 0'})"


def _like(comparison: Comparison, path: str) -> str:
    if not isinstance(comparison.value, str):
        raise RetrievalError(f"a filter on {comparison.field} wants a text after `like`")
    return f"({path} like {_quoted(comparison, comparison.value)})"


_OTHERS: dict[str, Callable[[Comparison, str], str]] = {"in": _in, "like": _like}


def _literal(comparison: Comparison, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(comparison, value)
    if isinstance(value, int | float) and math.isfinite(value):
        return repr(value)
    raise RetrievalError(f"a filter compares {comparison.field} with {value!r}, which is no number, text or bool")


def _quoted(comparison: Comparison, text: str) -> str:
    if not text.isprintable() or "\\" in text:
        raise RetrievalError(f"a filter on {comparison.field!r} cannot have a backslash or a control character")
    return json.dumps(text, ensure_ascii=False)

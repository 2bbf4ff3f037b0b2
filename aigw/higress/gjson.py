"""Evaluates gjson paths on decoded JSON, for the part of the path language that Higress's configurations use. Sans-io.

`a.b`, `a.0`, `a.#` (length), `a.#.b` (each), `a.#(b=="x").c` (first match), `a.#(b>1)#.c` (all), `*` and `?` in keys,
a backslash before a literal character, `|`, and `@reverse @this @keys @values @flatten`
(https://github.com/tidwall/gjson). A path that leads to nothing gives None, as null does. No path and no value raises
an error."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

_MISSING: Any = object()
_Step = Callable[[Any], Any]


class GjsonPath:
    """A compiled path."""

    __slots__ = ("_segments", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._segments = [_compile(list(_split(segment, "."))) for segment in _split(text, "|")]

    def get(self, value: Any) -> Any:
        """Returns the value at the path in decoded JSON, None if there is none."""
        found = self._find(value)
        return None if found is _MISSING else found

    def _find(self, value: Any) -> Any:
        for step in self._segments:
            value = step(value)
            if value is _MISSING:
                break
        return value


def _split(text: str, separator: str) -> Iterator[str]:
    """Yields the parts of a path. A separator that is escaped, quoted or in parentheses does not count. Escapes are
    kept."""
    part, depth, quoted, position = "", 0, False, 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            part += text[position : position + 2]
            position += 2
            continue
        if char == '"' and depth:
            quoted = not quoted
        elif not quoted and char in "()":
            depth = depth + 1 if char == "(" and (depth or part == "#") else max(0, depth - (char == ")"))
        if char == separator and not depth and not quoted:
            yield part
            part = ""
        else:
            part += char
        position += 1
    yield part


def _compile(parts: list[str]) -> _Step:
    """Returns one function for all parts of a path. The parts after `#` or `#(...)#` apply to each element."""
    if not parts:
        return _this
    first, rest = parts[0], _compile(parts[1:])
    if first == "#":
        return _each(rest) if len(parts) > 1 else _length
    if first.startswith("#(") and first.endswith(")#"):
        return _filter(_query(first[2:-2]), rest)
    step = _component(first)
    return step if rest is _this else _then(step, rest)


def _component(text: str) -> _Step:
    if text.startswith("#(") and text.endswith(")"):
        return _first(_query(text[2:-1]))
    if text.startswith("@") and text[1:].partition(":")[0] in _MODIFIERS:
        return _MODIFIERS[text[1:].partition(":")[0]]
    if re.search(r"(?<!\\)(?:\\\\)*[*?]", text):
        return _matching(_glob(text))
    return _key(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL))


def _then(step: _Step, rest: _Step) -> _Step:
    def apply(value: Any) -> Any:
        found = step(value)
        return found if found is _MISSING else rest(found)

    return apply


def _key(name: str) -> _Step:
    index = int(name) if name.isascii() and name.isdigit() and len(name) < 10 else -1

    def apply(value: Any) -> Any:
        if isinstance(value, dict):
            return value.get(name, _MISSING)
        if isinstance(value, list) and 0 <= index < len(value):
            return value[index]
        return _MISSING

    return apply


def _matching(pattern: re.Pattern[str]) -> _Step:
    def apply(value: Any) -> Any:
        if isinstance(value, dict):
            return next((item for name, item in value.items() if pattern.fullmatch(name)), _MISSING)
        return _MISSING

    return apply


def _each(rest: _Step) -> _Step:
    return _filter(lambda _: True, rest)


def _filter(accepts: Callable[[Any], bool], rest: _Step) -> _Step:
    def apply(value: Any) -> Any:
        if not isinstance(value, list):
            return _MISSING
        found = [rest(item) for item in value if accepts(item)]
        return [item for item in found if item is not _MISSING]

    return apply


def _first(accepts: Callable[[Any], bool]) -> _Step:
    def apply(value: Any) -> Any:
        items = value if isinstance(value, list) else ()
        return next((item for item in items if accepts(item)), _MISSING)

    return apply


def _this(value: Any) -> Any:
    return value


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, list) else _MISSING


def _reverse(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(reversed(value.items()))
    return value[::-1] if isinstance(value, list) else value


def _keys(value: Any) -> Any:
    if isinstance(value, list):
        return [None] * len(value)
    return list(value) if isinstance(value, dict) else []


def _values(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _flatten(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [inner for item in value for inner in (item if isinstance(item, list) else [item])]


_MODIFIERS: dict[str, _Step] = {
    "this": _this,
    "reverse": _reverse,
    "keys": _keys,
    "values": _values,
    "flatten": _flatten,
}

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_QUERY = re.compile(r"((?:[^=!<>%\"(]|\"(?:[^\"\\]|\\.)*\"|\([^)]*\)#?)*)(==|!=|<=|>=|!%|=|<|>|%)(.*)", re.DOTALL)


def _query(text: str) -> Callable[[Any], bool]:
    """Compiles the text inside `#(...)`: a path, which must exist in an element, or a path, an operator and a
    literal."""
    match = _QUERY.fullmatch(text.strip())
    path = (match[1] if match else text).strip()
    find = GjsonPath(path)._find if path else _this
    if match is None:
        return lambda item: isinstance(item, dict | list) and find(item) is not _MISSING
    literal = match[3].strip()
    if len(literal) > 1 and literal[0] == literal[-1] == '"':
        literal = re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)
    compare = _comparison(match[2], literal)
    return lambda item: (isinstance(item, dict | list) or not path) and compare(find(item))


def _comparison(sign: str, literal: str) -> Callable[[Any], bool]:
    """Returns a comparison with a literal. As in gjson, the type of the value decides: a number is compared as a
    number, text as text."""
    if sign in ("%", "!%"):
        pattern = _glob(literal)
        return lambda value: isinstance(value, str) and (pattern.fullmatch(value) is not None) == (sign == "%")
    compare = _OPERATORS[sign]
    try:
        number = float(literal)
    except ValueError:
        number = 0.0

    def accepts(value: Any) -> bool:
        if isinstance(value, bool):
            return compare("true" if value else "false", literal) if sign in ("==", "=", "!=") else False
        if isinstance(value, int | float):
            return compare(value, number)
        return compare(value, literal) if isinstance(value, str) else False

    return accepts


@lru_cache(maxsize=256)
def _glob(text: str) -> re.Pattern[str]:
    """`*` is any text, `?` one character, a backslash makes the next one literal."""
    pieces = re.findall(r"\\.|.", text, re.DOTALL)
    pattern = "".join({"*": ".*", "?": "."}.get(piece, re.escape(piece[-1])) for piece in pieces)
    return re.compile(pattern, re.DOTALL)

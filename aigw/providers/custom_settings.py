"""customSettings: parameters that the configuration sets in every request.

In mode `auto`, only four names have an effect. Mode `raw` takes any path in the syntax of sjson: `a.b`, `a.0.b` (an
element), `a.-1` (append), `a\\.b` (a dot in a name), `a.:0` (a number as a name). Only values on the path are decoded
and encoded again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from aigw.core.document import Document

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_NULL = msgspec.Raw(b"null")
MAX_INDEX = 9999
"""The largest index of an array in a path."""

_NAMES = ("max_tokens", "temperature", "top_p", "seed")
"""The names that have an effect in mode `auto`. Higress lists more, for protocols of other vendors, but never uses
them."""


class Setting(Protocol):
    """A configured setting. If `mode` is "raw", the name is a path. Any other mode is "auto"."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def mode(self) -> str: ...
    @property
    def overwrite(self) -> bool: ...


class _Step(NamedTuple):
    """One part of a path. `element` is its index if it stands for an element of an array: -1 appends, None means that
    it can only be a name."""

    name: str
    element: int | None


class _Edit(NamedTuple):
    path: tuple[_Step, ...]
    value: msgspec.Raw
    overwrite: bool


class CustomSettings:
    """The settings of one provider, compiled."""

    def __init__(self, settings: Iterable[Setting]) -> None:
        """Raises ValueError if the path of a setting is not valid. The message names it."""
        self._edits: list[_Edit] = []
        for setting in settings:
            if has_effect(setting):
                value = msgspec.Raw(msgspec.json.encode(setting.value))
                self._edits.append(_Edit(_steps(setting.name), value, setting.overwrite))

    def __bool__(self) -> bool:
        return bool(self._edits)

    def apply(self, document: Document) -> None:
        """Sets the values, in order. A value that does not fit (a name inside an array) is ignored."""
        for path, value, overwrite in self._edits:
            name = path[0].name
            old = document.raw(name)
            if not overwrite and _exists(old, path[1:]):
                continue
            try:
                document.set(name, _put(old, path[1:], value))
            except LookupError:
                continue


def has_effect(setting: Setting) -> bool:
    return setting.mode == "raw" or setting.name in _NAMES


def _steps(path: str) -> tuple[_Step, ...]:
    """Splits a path at its dots. Raises ValueError for wildcards, queries, modifiers and empty parts, as sjson does."""
    steps: list[_Step] = []
    part, forced, started = "", False, False
    rest = iter(f"{path}.")
    for char in rest:
        if char == "\\":
            part += next(rest)
        elif char == ".":
            steps.append(_step(part, path, forced=forced))
            part, forced, started = "", False, False
            continue
        elif char == ":" and not started:
            forced = True
        elif char in "*?#|" or (char == "@" and not started):
            raise ValueError(
                f"customSettings '{path}': '{char}' cannot be part of a path; write \\{char} if it is meant"
            )
        else:
            part += char
        started = True
    if started:
        raise ValueError(f"customSettings '{path}': nothing follows the last backslash")
    return tuple(steps)


def _step(part: str, path: str, *, forced: bool) -> _Step:
    if not part:
        raise ValueError(f"customSettings '{path}': a part of the path is empty")
    if forced:
        return _Step(part, None)
    if part == "-1":
        return _Step(part, -1)
    if not (part.isascii() and part.isdigit()):
        return _Step(part, None)
    if int(part) > MAX_INDEX:
        raise ValueError(f"customSettings '{path}': an index is {MAX_INDEX} at most; write :{part} if it is a name")
    return _Step(part, int(part))


def _children(raw: bytes | None) -> dict[str, msgspec.Raw] | list[msgspec.Raw] | None:
    """Returns the fields or the elements of a value as raw JSON, None if it is neither an object nor an array."""
    start = raw.lstrip()[:1] if raw else b""
    if raw and start == b"{":
        return _decode_object(raw)
    return _decode_array(raw) if raw and start == b"[" else None


def _exists(raw: bytes | None, path: tuple[_Step, ...]) -> bool:
    for step in path:
        inside = _children(raw)
        if isinstance(inside, dict):
            raw = _bytes(inside.get(step.name))
        elif inside is not None and step.element is not None and 0 <= step.element < len(inside):
            raw = _bytes(inside[step.element])
        else:
            return False
    return raw is not None


def _put(raw: bytes | None, path: tuple[_Step, ...], value: msgspec.Raw) -> Any:
    """Returns the value `raw` with `value` set at a path inside it. Raises LookupError for a name inside an array."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    inside = _children(raw)
    if inside is None:
        inside = {} if step.element is None else []
    if isinstance(inside, dict):
        return {**inside, step.name: _put(_bytes(inside.get(step.name)), rest, value)}
    if step.element is None:
        raise LookupError(step.name)
    items: list[Any] = list(inside)
    index = len(items) if step.element < 0 else step.element
    items += [_NULL] * (index + 1 - len(items))
    items[index] = _put(_bytes(inside[index]) if index < len(inside) else None, rest, value)
    return items


def _bytes(raw: msgspec.Raw | None) -> bytes | None:
    return None if raw is None else bytes(raw)

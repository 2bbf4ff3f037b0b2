"""Checks plain values against a msgspec type, and reports all mistakes at once, each with its place and its remedy.

Higress takes text for numbers and booleans, and numbers for text; so does this, with a note. Values that Higress
silently turns into 0 are errors here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import msgspec.inspect as mi

from aigw.config.report import Report, suggest
from aigw.config.source import Source
from aigw.config.units import parse_duration, parse_size
from aigw.config.usable import usable
from aigw.core.json_path import JsonPath
from aigw.core.secrets import HIDDEN

Value = Any
_information = lru_cache(maxsize=256)(mi.type_info)
"""Cached, because it takes 10 ms for a large plugin, ten times as long as checking the values."""
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*")
_NUMBER = re.compile(r"\s*[+-]?(\d{1,300}\.?\d{0,300}|\.\d{1,300})([eE][+-]?\d{1,3})?\s*")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "ge": ("at least", lambda value, bound: value >= bound),
    "gt": ("greater than", lambda value, bound: value > bound),
    "le": ("at most", lambda value, bound: value <= bound),
    "lt": ("less than", lambda value, bound: value < bound),
}


class Converted(NamedTuple):
    """A value that was checked and converted before. It is not looked at again: a thousand rules may inherit it."""

    value: Any


class Checker:
    """Checks values of one source. `check` returns the value with its leniencies resolved, ready for `msgspec.convert`;
    if the report got an error, what it returns means nothing."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report

    def convert(self, value: Value, type_: Any, path: JsonPath, keys: Mapping[str, JsonPath] | None = None) -> Any:
        """The value as `type_`, or None if the report got errors. `keys` gives the places of keys that do not stand
        under `path`."""
        with self.report.aside() as (errors, notes):
            clean = self.check(value, _information(type_), path, keys or {})
        self.report.add(errors, notes)
        if errors:
            return None
        try:
            return msgspec.convert(clean, type_)
        except msgspec.ValidationError as error:
            if not self._missing_in(path, keys or {}):
                self.report.error(path, str(error))
            return None

    def usable(
        self, value: Value, type_: Any, path: JsonPath, keys: Mapping[str, JsonPath]
    ) -> tuple[Any, list[JsonPath]]:
        """Returns the usable part of a value that `convert` refuses, and the places that were left out or that the
        environment does not supply. The places are relative to the value."""
        with self.report.aside():
            clean = self.check(value, _information(type_), path, keys)
        right, left_out = usable(clean, type_)
        return right, [*left_out, *self._missing_in(path, keys)]

    def check(self, value: Value, type_: mi.Type, path: JsonPath, keys: Mapping[str, JsonPath]) -> Value:
        """The value with its leniencies resolved. `keys` as for `convert`."""
        if isinstance(type_, mi.Metadata):
            unit = (type_.extra or {}).get("unit")
            if unit and isinstance(value, str):
                value = self._unit(value, unit, path)
                return value if value is None else self.check(value, type_.type, path, keys)
            return self.check(value, type_.type, path, keys)
        if isinstance(value, Converted):
            return value.value
        if path in self.source.missing:
            return value
        if isinstance(type_, mi.StructType):
            return self._struct(value, type_, path, keys)
        handler = _HANDLERS.get(type(type_))
        return handler(self, value, type_, path) if handler else value

    def _struct(self, value: Value, type_: mi.StructType, path: JsonPath, keys: Mapping[str, JsonPath]) -> Value:
        if not isinstance(value, dict):
            first = next((field.encode_name for field in type_.fields), "")
            return self._wrong(value, "a mapping", path, f"{{{first}: ...}}" if first else "")
        fields = {field.encode_name: field for field in type_.fields}
        clean: dict[str, Value] = {}
        for key, item in value.items():
            place = keys.get(key, (*path, key))
            field = fields.get(key)
            if field is None and self.report.is_full:
                continue
            if field is None:
                self.report.error(place[:-1], f"unknown key {key!r}{_remedy(key, fields)}", self.report.line(place))
            elif item is not None or field.required or _accepts_none(field.type):
                if item is None and not _accepts_none(field.type):
                    self.report.error(place, "has no value")
                else:
                    clean[key] = self.check(item, field.type, place, {})
        for name, field in fields.items():
            if field.required and name not in value:
                self.report.error(path, f"the required key {name!r} is missing{_example(name, field.type)}")
        return clean

    def _dict(self, value: Value, type_: mi.DictType, path: JsonPath) -> Value:
        if not isinstance(value, dict):
            return self._wrong(value, "a mapping", path)
        clean = {}
        for key, item in value.items():
            place = (*path, key)
            self.check(key, type_.key_type, place, {})
            clean[key] = self.check(item, type_.value_type, place, {})
        return self._length(clean, type_, path)

    def _list(self, value: Value, type_: Any, path: JsonPath) -> Value:
        if not isinstance(value, list):
            return self._wrong(value, "a list", path, self._as_item(value, path))
        clean = [self.check(item, type_.item_type, (*path, index), {}) for index, item in enumerate(value)]
        return self._length(clean, type_, path)

    def _tuple(self, value: Value, type_: mi.TupleType, path: JsonPath) -> Value:
        if not isinstance(value, list) or len(value) != len(type_.item_types):
            return self._wrong(value, f"a list of {len(type_.item_types)}", path)
        pairs = enumerate(zip(value, type_.item_types, strict=True))
        return [self.check(item, item_type, (*path, index), {}) for index, (item, item_type) in pairs]

    def _str(self, value: Value, type_: mi.StrType, path: JsonPath) -> Value:
        if isinstance(value, int | float):
            kind = "boolean" if isinstance(value, bool) else "number"
            self._lenient(path, f"a {kind} where text is expected, read as Higress reads it; put it in quotes")
            value = json.dumps(value)
        if not isinstance(value, str):
            return self._wrong(value, "text", path)
        if type_.pattern is not None and not re.search(type_.pattern, value):
            self.report.error(path, f"must look like {type_.pattern}, got {self.report.say(path, value)}")
        return self._length(value, type_, path)

    def _bool(self, value: Value, type_: mi.BoolType, path: JsonPath) -> Value:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower() if isinstance(value, str | int) else ""
        if text not in _BOOLEANS:
            return self._wrong(value, "true or false", path)
        kind = "text" if isinstance(value, str) else "a number"
        self._lenient(path, f"{kind} where true or false is expected, read as Higress reads it")
        return _BOOLEANS[text]

    def _int(self, value: Value, type_: mi.IntType, path: JsonPath) -> Value:
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            self._lenient(path, "text where a number is expected, read as Higress reads it")
            value = int(value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return self._wrong(value, "a whole number", path)
        return self._bounds(value, type_, path)

    def _float(self, value: Value, type_: mi.FloatType, path: JsonPath) -> Value:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            self._lenient(path, "text where a number is expected, read as Higress reads it")
            value = float(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return self._wrong(value, "a number", path)
        return self._bounds(float(value), type_, path)

    def _none(self, value: Value, type_: mi.NoneType, path: JsonPath) -> Value:
        return None if value is None else self._wrong(value, "empty", path)

    def _choice(self, value: Value, type_: mi.LiteralType | mi.EnumType, path: JsonPath) -> Value:
        values = type_.values if isinstance(type_, mi.LiteralType) else tuple(each.value for each in type_.cls)
        if any(value == each and type(value) is type(each) for each in values):
            return value
        text = str(value) if isinstance(value, str | int) else ""
        for each in values:
            if text.strip() == str(each):
                return each
        names = ", ".join(str(each) for each in values)
        hint = suggest(text, [str(each) for each in values]) if isinstance(value, str) else ""
        hint = hint if "did you mean" in hint else ""
        self.report.error(path, f"must be one of {names}, got {self.report.say(path, value)}{hint}")
        return value

    def _union(self, value: Value, type_: mi.UnionType, path: JsonPath) -> Value:
        """Takes the first member that accepts the value as it is, else the first that accepts it leniently. If none
        does, the errors are those of the nearest member."""
        attempts = []
        for position, member in enumerate(type_.types):
            with self.report.aside() as (errors, notes):
                clean = self.check(value, member, path, {})
            distance = (bool(errors), not _same_kind(value, member), len(errors), len(notes), position)
            attempts.append((distance, errors, notes, clean))
        distance, errors, notes, clean = min(attempts, key=lambda attempt: attempt[0])
        if errors and distance[1]:
            return self._wrong(value, _describe(type_), path)
        self.report.add(errors, notes)
        return clean

    def _unit(self, text: str, unit: str, path: JsonPath) -> float | int | None:
        parsed = parse_duration(text) if unit == "duration" else parse_size(text)
        if parsed is None and path not in self.source.missing:
            example = '"10s" or "500ms"' if unit == "duration" else '"100MiB"'
            self.report.error(path, f"is no {unit} such as {example}: {self.report.say(path, text)}")
        return parsed

    def _bounds(self, value: float, type_: Any, path: JsonPath) -> float:
        for name, (words, holds) in _BOUNDS.items():
            bound = getattr(type_, name)
            if bound is not None and not holds(value, bound):
                self.report.error(path, f"must be {words} {bound}, got {self.report.say(path, value)}")
        if type_.multiple_of is not None and value % type_.multiple_of:
            self.report.error(path, f"must be a multiple of {type_.multiple_of}")
        return value

    def _length(self, value: Value, type_: Any, path: JsonPath) -> Value:
        if type_.min_length is not None and len(value) < type_.min_length:
            self.report.error(
                path, "must not be empty" if type_.min_length == 1 else f"needs {type_.min_length} or more"
            )
        if type_.max_length is not None and len(value) > type_.max_length:
            self.report.error(path, f"has {len(value)}, which is more than {type_.max_length}")
        return value

    def _as_item(self, value: Value, path: JsonPath) -> str:
        """A list with this value, as one writes it; "" if it is no text or number."""
        if isinstance(value, dict) or value is None:
            return ""
        said = self.report.say(path, value)
        return '["${NAME}"]' if said == HIDDEN else f"[{said}]"

    def _wrong(self, value: Value, expected: str, path: JsonPath, example: str = "") -> Value:
        got = (
            self.report.say(path, value)
            if isinstance(value, str | int | float)
            else _KINDS.get(type(value), "something else")
        )
        name = path[-1] if path else ""
        hint = f"; write {name}: {example}" if example and isinstance(name, str) and name else ""
        self.report.error(path, f"must be {expected}, got {got}{hint}")
        return value

    def _lenient(self, path: JsonPath, message: str) -> None:
        """Notes a lenient reading. A value from the environment is always text, so nothing is noted about it."""
        if path not in self.source.expanded:
            self.report.note(path, message)

    def _missing_in(self, path: JsonPath, keys: Mapping[str, JsonPath]) -> list[JsonPath]:
        """The places of a value that the environment does not supply, seen from the value."""
        places: list[tuple[JsonPath, JsonPath]] = [((), path), *(((key,), place) for key, place in keys.items())]
        return [
            (*start, *missing[len(place) :])
            for missing in self.source.missing
            for start, place in places
            if missing[: len(place)] == place
        ]


_HANDLERS: dict[type[mi.Type], Callable[[Checker, Value, Any, JsonPath], Value]] = {
    mi.DictType: Checker._dict,
    mi.ListType: Checker._list,
    mi.SetType: Checker._list,
    mi.FrozenSetType: Checker._list,
    mi.VarTupleType: Checker._list,
    mi.TupleType: Checker._tuple,
    mi.StrType: Checker._str,
    mi.BoolType: Checker._bool,
    mi.IntType: Checker._int,
    mi.FloatType: Checker._float,
    mi.NoneType: Checker._none,
    mi.LiteralType: Checker._choice,
    mi.EnumType: Checker._choice,
    mi.UnionType: Checker._union,
}
_NAMES: dict[type[mi.Type], str] = {
    mi.StructType: "a mapping",
    mi.DictType: "a mapping",
    mi.StrType: "text",
    mi.BoolType: "true or false",
    mi.IntType: "a whole number",
    mi.FloatType: "a number",
    mi.NoneType: "empty",
}
_KINDS: dict[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "empty",
}


def _remedy(key: str, fields: Mapping[str, mi.Field]) -> str:
    """The end of a message about an unknown key: what it is called here, or below which key it stands."""
    bare = key.lower().replace("_", "")
    for name, field in fields.items():
        extra = field.type.extra if isinstance(field.type, mi.Metadata) else None
        if bare in (extra or {}).get("elsewhere", ()):
            return f"; write {name!r}"
    for name, field in fields.items():
        if key in _keys_below(field.type):
            return f"; it belongs below {name!r}"
    return suggest(key, fields)


def _keys_below(type_: mi.Type) -> Collection[str]:
    """The keys of a section, if the type is one."""
    if isinstance(type_, mi.Metadata):
        return _keys_below(type_.type)
    if isinstance(type_, mi.UnionType):
        return [key for each in type_.types for key in _keys_below(each)]
    return [field.encode_name for field in type_.fields] if isinstance(type_, mi.StructType) else ()


def _example(name: str, type_: mi.Type) -> str:
    """The end of a message: how the key is written, if its type has an example."""
    examples = ((type_.extra_json_schema or {}).get("examples") or ()) if isinstance(type_, mi.Metadata) else ()
    return f"; write {name}: {examples[0]}" if examples else ""


def _describe(type_: mi.Type) -> str:
    if isinstance(type_, mi.Metadata):
        return _describe(type_.type)
    if isinstance(type_, mi.UnionType):
        return " or ".join(dict.fromkeys(_describe(member) for member in type_.types))
    if isinstance(type_, mi.LiteralType):
        return " or ".join(str(value) for value in type_.values)
    return _NAMES.get(type(type_), "a list")


def _same_kind(value: Value, type_: mi.Type) -> bool:
    if isinstance(type_, mi.Metadata):
        return _same_kind(value, type_.type) or (isinstance(value, str) and "unit" in (type_.extra or {}))
    if isinstance(type_, mi.LiteralType | mi.EnumType):
        return isinstance(value, str | int)
    return _describe(type_) == _KINDS.get(type(value), "something else")


def _accepts_none(type_: mi.Type) -> bool:
    if isinstance(type_, mi.Metadata):
        return _accepts_none(type_.type)
    if isinstance(type_, mi.UnionType):
        return any(_accepts_none(member) for member in type_.types)
    return isinstance(type_, mi.NoneType | mi.AnyType)

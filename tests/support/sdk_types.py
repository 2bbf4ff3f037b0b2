"""Walks the types with which a vendor's SDK says what a request may have, and finds the fields that make no difference.

A field is tried in the smallest value of its type. What is refused, or noted as lost, is not looked into."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from enum import Enum
from inspect import isclass
from typing import Annotated, Any, Literal, NotRequired, Required, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import is_typeddict

Judge = Callable[[Any], tuple[Any, list[str]]]
"""Reads a request, and returns what it means and what is lost. A refusal is lost, too."""
Put = Callable[[Any], Any]
"""Puts a value into a request."""
_TYPES: dict[Any, dict[str, tuple[Any, bool]]] = {}


class Walk:
    """`unread` has the fields that make no difference, as "type.field", or "type.field: type" of one of several."""

    def __init__(self, judge: Judge, always: dict[str, Any]) -> None:
        """`always` has, by the name of a field, the value that it has where it is not tried itself."""
        self._judge, self._always = judge, always
        self.unread: set[str] = set()
        self.tried = 0

    def look(self, kind: Any, put: Put = lambda value: value, path: tuple[Any, ...] = ()) -> None:
        """Looks into an object. `path` are the types in which it is, and its own."""
        least, path = self._least(kind), (*path, kind)
        for name, (inner, required) in fields(kind).items():

            def place(value: Any, name: str = name) -> Any:
                return put({**least, name: value})

            self._try(inner, place, None if required else put(least), f"{name_of(kind)}.{name}", path)

    def _try(self, kind: Any, put: Put, without: Any, where: str, path: tuple[Any, ...]) -> None:
        """Tries all that may stand at one place, one of which must if `without` is None."""
        plain: list[Any] = []
        for member in members(kind):
            if is_list(member) and any(map(is_object, members(get_args(member)[0]))):
                self._try(get_args(member)[0], lambda each: put([each]), put([]), where, path)
            elif is_object(member) and member not in path:
                self._try_object(member, put, without, where, path)
            elif not is_object(member):
                plain += self._values(member)
        told = [self._judge(put(value)) for value in plain] + ([] if without is None else [self._judge(without)])
        self.tried += len(plain)
        if plain and len(told) > 1 and all(each == told[0] for each in told) and not told[0][1]:
            self.unread.add(where)

    def _try_object(self, kind: Any, put: Put, without: Any, where: str, path: tuple[Any, ...]) -> None:
        self.tried += 1
        least = self._least(kind)
        meaning, lost = self._judge(put(least))
        if lost:
            return
        if least and without is not None and self._judge(without) == (meaning, lost):
            self.unread.add(f"{where}: {name_of(kind)}")
        else:
            self.look(kind, put, path)

    def _least(self, kind: Any) -> Any:
        wanted = {name: each for name, (each, required) in fields(kind).items() if required or name in self._always}
        return {
            name: self._always[name] if name in self._always else self._first(each) for name, each in wanted.items()
        }

    def _first(self, kind: Any) -> Any:
        member = members(kind)[0]
        if is_list(member):
            return [self._first(get_args(member)[0])]
        return self._least(member) if is_object(member) else next(self._values(member))

    def _values(self, kind: Any) -> Iterator[Any]:
        """Yields values of a type that is no object."""
        if is_list(kind):
            yield from ([value] for each in members(get_args(kind)[0]) for value in self._values(each))
        elif get_origin(kind) is Literal:
            yield from get_args(kind)
        elif isclass(kind) and issubclass(kind, Enum):
            yield from (each.value for each in kind if not str(each.value).endswith("UNSPECIFIED"))
        elif kind in (bool, int, float):
            yield from {bool: (True, False), int: (7000, 9000), float: (0.25, 0.75)}[kind]
        else:
            yield from ("QUJD", "REVG") if kind in (str, bytes) else ({"a": "b"}, {"a": "c"})


def members(kind: Any) -> list[Any]:
    """The types of a union, in which there may be others."""
    while get_origin(kind) in (Required, NotRequired, Annotated):
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return [each for inner in get_args(kind) for each in members(inner) if each is not type(None)]
    return [Any if isinstance(kind, TypeVar) else kind]


def is_object(kind: Any) -> bool:
    return is_typeddict(kind) or (isclass(kind) and issubclass(kind, BaseModel))


def is_list(kind: Any) -> bool:
    return any(name in str(get_origin(kind)) for name in ("list", "Iterable", "Sequence"))


def name_of(kind: Any) -> str:
    """Returns what the JSON of an object calls its type, or what the SDK does."""
    (said,) = members(fields(kind).get("type", (None,))[0])
    return str(get_args(said)[0]) if get_origin(said) is Literal else str(kind.__name__)


def fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Returns the type of each field, and whether it must be there."""
    if kind not in _TYPES and is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        _TYPES[kind] = {name: (hint, get_origin(hint) is Required) for name, hint in hints.items()}
    elif kind not in _TYPES:
        given = {field.alias or name: field for name, field in kind.model_fields.items()}
        _TYPES[kind] = {name: (field.annotation, field.is_required()) for name, field in given.items()}
    return _TYPES[kind]

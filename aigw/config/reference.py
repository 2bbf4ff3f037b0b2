"""What the keys of a configuration mean: a list for people, read from the same types that check the file.

Nested keys follow the key that holds them. A struct that stands in several places is spelled out once."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import msgspec.inspect as mi

from aigw.config.units import duration_text, size_text

_UNITS = {"duration": 'seconds, or text such as "10m"', "size": 'bytes, or text such as "100MiB"'}
_QUANTITIES = {"duration": duration_text, "size": size_text}
_PLURALS = {"mapping": "mappings", "integer": "integers", "number": "numbers", "one of": "any of"}


class Key(NamedTuple):
    """A key of a configuration. `path` is as in `cache.serviceName`, `providers[].id` or `prices.*.input`. `type` and
    `meaning` are for people; `same_as` is the path of a key that has the same nested keys. `default` is None if there
    is nothing to show."""

    path: str
    type: str
    meaning: str
    required: bool = False
    default: Any = None
    same_as: str = ""


def keys(struct: type[msgspec.Struct]) -> list[Key]:
    """Returns all keys of a configuration. A key comes before those that are nested in it."""
    return list(_keys(struct, "", {}))


def _keys(struct: type, prefix: str, seen: dict[type, str]) -> Iterator[Key]:
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    for field in info.fields:
        path = f"{prefix}{field.encode_name}"
        held = list(_structs(field.type, path))
        known = [(each, seen[each]) for each, _ in held if each in seen]
        yield Key(
            path,
            _text(field.type),
            _meaning(field.type) or next((summary(each) for each, _ in held), ""),
            field.required,
            None if held else _default(field),
            known[0][1] if known else "",
        )
        for each, at in held:
            if each not in seen:
                seen[each] = path
                yield from _keys(each, f"{at}.", seen)


def summary(struct: type) -> str:
    """The first line of what a struct says about itself."""
    return paragraphs(struct)[0]


def paragraphs(struct: type) -> list[str]:
    """Returns the paragraphs of a struct's docstring, each as one line. There is at least one, which may be empty."""
    text = inspect.cleandoc(vars(struct).get("__doc__") or "")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _structs(type_: mi.Type, path: str) -> Iterator[tuple[type, str]]:
    """The structs that stand under a key, and the path of one of them."""
    match type_:
        case mi.Metadata():
            yield from _structs(type_.type, path)
        case mi.StructType():
            yield type_.cls, path
        case mi.ListType() | mi.SetType() | mi.FrozenSetType() | mi.VarTupleType():
            yield from _structs(type_.item_type, f"{path}[]")
        case mi.DictType():
            yield from _structs(type_.value_type, f"{path}.*")
        case mi.UnionType():
            for member in type_.types:
                yield from _structs(member, path)


def _meaning(type_: mi.Type) -> str:
    if not isinstance(type_, mi.Metadata):
        return ""
    return (type_.extra_json_schema or {}).get("description") or _meaning(type_.type)


def _default(field: mi.Field) -> Any:
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if default in (msgspec.NODEFAULT, msgspec.UNSET, None, "", [], {}, ()):
        return None
    unit = (field.type.extra or {}).get("unit") if isinstance(field.type, mi.Metadata) else None
    return _QUANTITIES[unit](default) if unit else msgspec.to_builtins(default)


def _text(type_: mi.Type) -> str:
    match type_:
        case mi.Metadata():
            unit = (type_.extra or {}).get("unit")
            return _UNITS[unit] if unit else _text(type_.type)
        case mi.StructType():
            return "mapping"
        case mi.DictType():
            return f"mapping of {_text(type_.key_type)} to {_text(type_.value_type)}"
        case mi.ListType() | mi.SetType() | mi.FrozenSetType() | mi.VarTupleType():
            return f"list of {_plural(_text(type_.item_type))}"
        case mi.UnionType():
            members = [member for member in type_.types if not _is_absent(member)]
            return " or ".join(map(_text, members))
        case mi.LiteralType():
            return f"one of {', '.join(str(value) for value in type_.values if value != '')}"  # "" is as a missing key
        case mi.StrType():
            return "text"
        case mi.BoolType():
            return "true or false"
        case mi.IntType():
            return f"integer{_bounds(type_)}"
        case mi.FloatType():
            return f"number{_bounds(type_)}"
    return "anything"


def _plural(text: str) -> str:
    word = next((word for word in _PLURALS if text.startswith(word)), "")
    return text.replace(word, _PLURALS[word], 1) if word else text


def _is_absent(type_: mi.Type) -> bool:
    return isinstance(type_, mi.NoneType) or (isinstance(type_, mi.CustomType) and type_.cls is msgspec.UnsetType)


def _bounds(type_: mi.IntType | mi.FloatType) -> str:
    least = next((bound for bound in (type_.ge, type_.gt) if bound is not None), None)
    most = next((bound for bound in (type_.le, type_.lt) if bound is not None), None)
    if least is not None and most is not None:
        return f" {least:g} to {most}"
    if most is not None:
        return f" up to {most}"
    return f" above {least:g}" if type_.gt is not None else f" from {least:g}" if least is not None else ""

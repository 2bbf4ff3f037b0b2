"""Takes keys that a type does not know out of a value, so that the rest can be used, and the others can be reported and
given back. Keys of older versions of Higress, or of other plugins, are read under their present names."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec.inspect as mi

from aigw.core.json_path import JsonPath

_information = lru_cache(maxsize=256)(mi.type_info)

OTHER_NAMES = {
    "apiToken": "apiTokens",
    "serviceHost": "domain",
    "domain": "serviceHost",
    "ak": "accessKey",
    "sk": "secretKey",
    "accessKey": "ak",
    "secretKey": "sk",
    "service_name": "serviceName",
    "service_port": "servicePort",
    "serviceName": "service_name",
    "servicePort": "service_port",
}
"""Keys of older versions and of other plugins, each with the one that has its meaning. It is only used where a type
does not know the key, but knows this one."""


class Pruned(NamedTuple):
    """A value without unknown keys. `value` has only what the type knows. `unknown` has what was taken out. `renamed`
    has the places of keys that got their present names."""

    value: Any
    unknown: list[tuple[JsonPath, Any]]
    renamed: list[tuple[JsonPath, str]]


def prune(value: Any, type_: Any, path: JsonPath = ()) -> Pruned:
    """Takes unknown parts out of a value. `path` is the place of the value."""
    unknown: list[tuple[JsonPath, Any]] = []
    renamed: list[tuple[JsonPath, str]] = []
    return Pruned(_pruned(value, _information(type_), path, unknown, renamed), unknown, renamed)


def _pruned(value: Any, type_: mi.Type, path: JsonPath, unknown: Any, renamed: Any) -> Any:
    match type_:
        case mi.Metadata():
            return _pruned(value, type_.type, path, unknown, renamed)
        case mi.StructType() if isinstance(value, dict):
            return _struct(value, type_, path, unknown, renamed)
        case mi.DictType() if isinstance(value, dict):
            return {k: _pruned(item, type_.value_type, (*path, k), unknown, renamed) for k, item in value.items()}
        case mi.ListType() | mi.SetType() | mi.FrozenSetType() | mi.VarTupleType() if isinstance(value, list):
            return [_pruned(item, type_.item_type, (*path, i), unknown, renamed) for i, item in enumerate(value)]
        case mi.UnionType():
            return _pruned(value, _member(value, type_), path, unknown, renamed)
    return value


def _struct(value: dict[str, Any], type_: mi.StructType, path: JsonPath, unknown: Any, renamed: Any) -> dict[str, Any]:
    fields = {each.encode_name: each for each in type_.fields}
    clean: dict[str, Any] = {}
    for key, item in value.items():
        name = key
        if key not in fields and (today := OTHER_NAMES.get(key)) in fields and today not in value:
            assert today is not None
            renamed.append(((*path, key), today))
            name = today
            item = [item] if _is_list(fields[name].type) and not isinstance(item, list) else item
        if name in fields:
            clean[name] = _pruned(item, fields[name].type, (*path, key), unknown, renamed)
        else:
            unknown.append(((*path, key), item))
    return clean


def _member(value: Any, type_: mi.UnionType) -> mi.Type:
    """The member that a value is meant for. A union has one struct at most."""
    kinds: tuple[type, ...] = ()
    if isinstance(value, dict):
        kinds = (mi.StructType, mi.DictType)
    elif isinstance(value, list):
        kinds = (mi.ListType, mi.SetType, mi.FrozenSetType, mi.VarTupleType)
    return next((member for member in map(_bare, type_.types) if isinstance(member, kinds)), mi.AnyType())


def _bare(type_: mi.Type) -> mi.Type:
    return _bare(type_.type) if isinstance(type_, mi.Metadata) else type_


def _is_list(type_: mi.Type) -> bool:
    return isinstance(_bare(type_), mi.ListType | mi.VarTupleType)

"""A JSON Schema (2020-12) of the configuration for editors, made from the same types that check it.

It accepts the lenient forms that `check` accepts, and text with a `${NAME}` wherever text can stand for a value."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import msgspec.inspect as mi

from aigw.config.load import FOREIGN
from aigw.config.model import GatewayConfig, RouteConfig
from aigw.config.rules import MATCH_KEYS
from aigw.config.units import DURATION_PATTERN, SIZE_PATTERN
from aigw.core.plugin import About

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = r"\$\{[A-Za-z_]"
_INTEGER = rf"^\s*[+-]?\d+\s*$|{_REFERENCE}"
_NUMBER = rf"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$|{_REFERENCE}"
_BOOLEAN = rf"^\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)\s*$|{_REFERENCE}"
_UNITS = {"duration": DURATION_PATTERN, "size": SIZE_PATTERN}
_BOUNDS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
}  # fmt: skip
_MATCH = {
    "_match_route_": "Names of routes.",
    "_match_domain_": "Hosts: exact, `*suffix` or `prefix*`.",
    "_match_service_": "Services: fqdn or fqdn:port.",
    "_match_route_prefix_": "Beginnings of route names.",
}


def schema(plugins: Mapping[str, About[Any]]) -> Schema:
    """The schema of the whole file with these plugins."""
    writer = _Writer()
    root = writer.struct(mi.type_info(GatewayConfig))
    route = writer.struct(mi.type_info(RouteConfig))
    on_routes = {}
    for name, about in plugins.items():
        writer.plugin(name, about)
        on_routes[name] = {"anyOf": [{"const": False}, _ref(f"{name}.on-route")]}
        root["properties"]["plugins"]["properties"][name] = _ref(name)
    root["properties"]["plugins"]["additionalProperties"] = False
    route["properties"]["plugins"] |= {"properties": on_routes, "additionalProperties": False}
    root["patternProperties"] = {f"^{FOREIGN}": {}}
    return {"$schema": DIALECT, "title": "aigw.yaml", **root, "$defs": writer.definitions}


class _Writer:
    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}
        self._written: dict[type, str] = {}

    def plugin(self, name: str, about: About[Any]) -> None:
        """Adds two definitions: the plugin under `plugins:`, with its rules, and the plugin on a route."""
        config = self._fields(mi.type_info(about.config))
        required = config.pop("required", [])
        demand = {} if about.inherits or not required else {"required": required}
        self.definitions[f"{name}.on-route"] = {**config, **demand}
        keys = {key: {"type": "array", "items": {"type": "string"}, "description": _MATCH[key]} for key in MATCH_KEYS}
        rule = {**config, **demand, "properties": {**keys, **config["properties"]}}
        rule["anyOf"] = [{"required": [key]} for key in MATCH_KEYS]
        rules = {"type": "array", "items": rule, "description": "The first rule that matches replaces the rest."}
        whole = {**config, "properties": {**config["properties"], "_rules_": rules}}
        if required:
            whole["anyOf"] = [{"required": required}, {"required": ["_rules_"], "maxProperties": 1}]
        else:
            whole["type"] = ["object", "null"]
        self.definitions[name] = whole

    def struct(self, type_: mi.Type) -> Schema:
        """The definition of a struct. Where the struct stands again, a reference stands for it."""
        if not isinstance(type_, mi.StructType):
            raise TypeError(f"{type_} is not a struct")
        name = f"{type_.cls.__module__}.{type_.cls.__qualname__}"
        if type_.cls not in self._written:
            self._written[type_.cls] = name
            self.definitions[name] = {}
            self.definitions[name] |= self._fields(type_)
        return self.definitions[name]

    def _fields(self, type_: mi.Type) -> Schema:
        if not isinstance(type_, mi.StructType):
            raise TypeError(f"{type_} is not a struct")
        result: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
        if type_.cls.__doc__:
            result["description"] = inspect.cleandoc(type_.cls.__doc__)
        required = [each.encode_name for each in type_.fields if each.required]
        for each in type_.fields:
            written = self._type(each.type)
            if not each.required:
                written = _or_null(written)
            if each.default is not msgspec.NODEFAULT and each.default is not None:
                written["default"] = msgspec.to_builtins(each.default)
            result["properties"][each.encode_name] = written
        return result | ({"required": required} if required else {})

    def _type(self, type_: mi.Type) -> Schema:
        match type_:
            case mi.Metadata():
                return self._annotated(type_)
            case mi.StructType():
                self.struct(type_)
                return _ref(self._written[type_.cls])
            case mi.DictType():
                keys = self._type(type_.key_type)
                names = {key: keys[key] for key in ("pattern", "minLength", "maxLength") if key in keys}
                values = self._type(type_.value_type)
                result: Schema = {"type": "object", "properties": {}, "additionalProperties": values}
                return result | ({"propertyNames": names} if names else {})
            case mi.ListType() | mi.SetType() | mi.FrozenSetType() | mi.VarTupleType():
                sizes = {"minItems": type_.min_length, "maxItems": type_.max_length}
                return {"type": "array", "items": self._type(type_.item_type), **_without_none(sizes)}
            case mi.TupleType():
                items = [self._type(item) for item in type_.item_types]
                return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
            case mi.UnionType():
                return {"anyOf": [self._type(member) for member in type_.types]}
            case mi.LiteralType():
                return _choice(type_.values)
            case mi.EnumType():
                return _choice(member.value for member in type_.cls)
        return _scalar(type_)

    def _annotated(self, type_: mi.Metadata) -> Schema:
        result = self._type(type_.type)
        unit = (type_.extra or {}).get("unit")
        if unit is not None:
            result["pattern"] = f"{_UNITS[unit]}|{_REFERENCE}"
        if "$ref" in result:
            result = {"allOf": [result]}
        return {**result, **(type_.extra_json_schema or {})}


def _scalar(type_: mi.Type) -> Schema:
    match type_:
        case mi.StrType():
            limits = {"pattern": type_.pattern, "minLength": type_.min_length, "maxLength": type_.max_length}
            return {"type": ["string", "number", "boolean"], **_without_none(limits)}
        case mi.BoolType():
            return {"type": ["boolean", "string", "integer"], "pattern": _BOOLEAN, "minimum": 0, "maximum": 1}
        case mi.IntType():
            return {"type": ["integer", "string"], "pattern": _INTEGER, **_bounds(type_)}
        case mi.FloatType():
            return {"type": ["number", "string"], "pattern": _NUMBER, **_bounds(type_)}
        case mi.NoneType():
            return {"type": "null"}
    return {}


def _choice(values: Iterable[Any]) -> Schema:
    return {"anyOf": [{"enum": list(values)}, {"type": "string", "pattern": _REFERENCE}]}


def _bounds(type_: mi.IntType | mi.FloatType) -> Schema:
    return _without_none({name: getattr(type_, bound) for bound, name in _BOUNDS.items()})


def _without_none(limits: Schema) -> Schema:
    return {name: value for name, value in limits.items() if value is not None}


def _or_null(written: Schema) -> Schema:
    """A key with nothing behind it is the same as no key."""
    kind = written.get("type")
    if kind is not None and "anyOf" not in written:
        return {**written, "type": [*([kind] if isinstance(kind, str) else kind), "null"]}
    if not written or {"type": "null"} in written.get("anyOf", ()):
        return written
    notes: Schema = {key: written[key] for key in ("description", "examples", "title") if key in written}
    rest = {key: value for key, value in written.items() if key not in notes}
    return {"anyOf": [rest, {"type": "null"}], **notes}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}

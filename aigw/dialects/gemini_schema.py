"""Gemini's schemas as JSON Schema: a subset of OpenAPI's, which writes types in capitals, says with `nullable` that
there may be no value, and may have a number as a text."""

from __future__ import annotations

from typing import Any

from aigw.dialects.json_values import Json

_DEEP = 64
"""The deepest level of a schema that is converted."""
_NAMES: dict[str, str] = {
    "any_of": "anyOf", "min_items": "minItems", "max_items": "maxItems", "min_length": "minLength",
    "max_length": "maxLength", "min_properties": "minProperties", "max_properties": "maxProperties",
}  # fmt: skip
_COUNTS = frozenset(_NAMES.values()) - {"anyOf"}
_TYPES: dict[int, str] = dict(enumerate(("string", "number", "integer", "boolean", "array", "object", "null"), 1))
"""The types by their numbers, which Google's older SDK (google-generativeai) sends over HTTP."""
_OWN = frozenset(("nullable", "propertyOrdering", "property_ordering", "example"))
"""Fields that JSON Schema does not have."""


def json_schema(schema: Any, depth: int = _DEEP) -> Any:
    """Returns the schema as JSON Schema. A value that is no schema is returned as it is."""
    if not isinstance(schema, dict) or not depth:
        return schema
    made: Json = {_NAMES.get(str(name), str(name)): value for name, value in schema.items() if name not in _OWN}
    if isinstance(kind := made.get("type"), str | int):
        made["type"] = kind.lower() if isinstance(kind, str) else _TYPES.get(kind, "type_unspecified")
        if made["type"] == "type_unspecified":
            del made["type"]
    for name in _COUNTS & made.keys():
        if isinstance(count := made[name], str) and count.isascii() and count.isdigit() and len(count) < 16:
            made[name] = int(count)
    if isinstance(properties := made.get("properties"), dict):
        made["properties"] = {name: json_schema(each, depth - 1) for name, each in properties.items()}
    if "items" in made:
        made["items"] = json_schema(made["items"], depth - 1)
    if isinstance(several := made.get("anyOf"), list):
        made["anyOf"] = [json_schema(each, depth - 1) for each in several]
    return _nullable(made) if schema.get("nullable") is True else made


def _nullable(schema: Json) -> Json:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(values := schema.get("enum"), list) and None not in values:
            schema["enum"] = [*values, None]
    elif isinstance(several := schema.get("anyOf"), list):
        schema["anyOf"] = [*several, {"type": "null"}]
    return schema

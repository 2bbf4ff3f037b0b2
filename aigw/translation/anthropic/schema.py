"""Brings a JSON Schema into the form that Anthropic's API enforces, which knows fewer words than JSON Schema has.

Rule: what it does not know moves into the description, where the model reads it, as Anthropic's own SDK does it. A
schema that would then mean something else is not enforced at all."""

from __future__ import annotations

from typing import Any

from aigw.dialects.json_values import Json, json_text

_KEPT = ("type", "enum", "const", "description", "title", "required", "$ref")
ABOUT = ("$schema", "$id")
"""What a schema says of itself, and nothing of a value: Zod writes the first one."""
_LISTS = ("anyOf", "allOf")
_TABLES = ("properties", "$defs")
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_DEEPEST = 50
"""Levels of a schema. A deeper one is not enforced, so that nobody has to fear for the stack."""


def enforceable(schema: Any) -> Json | None:
    """Returns the schema as the API takes it. None if it cannot be enforced: it has objects with any keys, refers to
    itself, or is no schema."""
    try:
        found = _taken(schema, 0)
    except ValueError:
        return None
    return None if _is_recursive(found) else found


def _taken(schema: Any, depth: int) -> Json:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        raise ValueError("no schema, or a very deep one")
    taken: Json = {name: schema[name] for name in _KEPT if name in schema}
    for name in _TABLES:
        if name in schema:
            taken[name] = {key: _taken(inner, depth + 1) for key, inner in _object(schema[name]).items()}
    for name in _LISTS:
        if name in schema:
            taken[name] = [_taken(inner, depth + 1) for inner in _list(schema[name])]
    if "oneOf" in schema and "anyOf" not in schema:
        taken["anyOf"] = [_taken(inner, depth + 1) for inner in _list(schema["oneOf"])]
    if "items" in schema:
        taken["items"] = _taken(schema["items"], depth + 1)
    if schema.get("minItems") in (0, 1):
        taken["minItems"] = schema["minItems"]
    if schema.get("format") in _FORMATS:
        taken["format"] = schema["format"]
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties", False) is not False:
            raise ValueError("an object with any keys")
        taken["additionalProperties"] = False
    return _with_rest(taken, schema)


def _with_rest(taken: Json, schema: Json) -> Json:
    """Returns the schema with the words that Anthropic does not know in its description. Words such as `strict` are
    left out, because they describe nothing."""
    known = {*taken, *ABOUT, "additionalProperties", "oneOf"}
    rest = [f"{name}: {json_text(value)}" for name, value in schema.items() if name not in known]
    if rest and "$ref" not in taken:
        said = taken.get("description")
        words = [said] if isinstance(said, str) and said else []
        taken["description"] = "\n\n".join([*words, "{" + ", ".join(rest) + "}"])
    return taken


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def _is_recursive(schema: Json) -> bool:
    """Whether a definition refers to itself, also through others."""
    tables = schema.get("$defs") or {}
    refers = {f"#/$defs/{name}": _references(inner) for name, inner in tables.items()}
    refers["#"] = _references({name: inner for name, inner in schema.items() if name != "$defs"})
    for start in refers:
        seen: set[str] = set()
        waiting = list(refers[start])
        while waiting:
            name = waiting.pop()
            if name == start:
                return True
            if name not in seen:
                seen.add(name)
                waiting += refers.get(name, ())
    return False


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for inner in schema for name in _references(inner)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
    return own + [name for inner in schema.values() for name in _references(inner)]

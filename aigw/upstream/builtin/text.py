"""The text of the built-in models, in pieces of about a token. It is deterministic and needs no tokenizer."""

from __future__ import annotations

import re
from math import ceil, floor
from typing import Any

import msgspec

MOST_PIECES = 4096
"""How many pieces a text may have. A longer text has larger pieces, so that a stream never has millions of events."""

_WORDS = re.findall(
    r"\w+",
    "ipsum dolor sit amet consectetur adipiscing elit sed do tempor incididunt ut labore et dolore magna aliqua enim "
    "ad minim quis nisi ex ea commodo aute in velit esse nulla sint non sunt culpa qui anim id est",
)

_PIECE = re.compile(r"\s{0,4}(?:[a-zA-Z]{1,12}|[0-9]{1,3}|[^\sa-zA-Z0-9])|\s{1,4}")
_DEEPEST = 16


def lorem(count: int, offset: int = 0) -> list[str]:
    """`count` pieces. Each is exactly one token of cl100k_base and of o200k_base, also if they are joined."""
    return ["Lorem", *(" " + _WORDS[(offset + index) % len(_WORDS)] for index in range(count - 1))][:count]


def pieces(text: str) -> list[str]:
    """Cuts `text` into pieces of about a token each that join to the same text."""
    if len(text) <= MOST_PIECES:
        return _PIECE.findall(text)
    step = -(-len(text) // MOST_PIECES)
    return [text[start : start + step] for start in range(0, len(text), step)]


def example_json(schema: Any) -> str:
    """A JSON object that a simple JSON Schema accepts: required properties, types, enum, const, bounds."""
    value = _example(schema, 0)
    return msgspec.json.encode(value if isinstance(value, dict) else {}).decode()


def _example(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if "const" in schema:
        return schema["const"]
    for key in ("enum", "examples"):
        if isinstance(schema.get(key), list) and schema[key]:
            return schema[key][0]
    kind = schema.get("type", "object" if "properties" in schema else "null")
    make = _MAKERS.get(str(kind[0] if isinstance(kind, list) and kind else kind))
    return make(schema, depth) if make else None


def _object(schema: dict[str, Any], depth: int) -> dict[str, Any]:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        return {}
    names = required if isinstance(required, list) else list(properties)
    return {
        name: _example(properties[name], depth + 1) for name in names if isinstance(name, str) and name in properties
    }


def _array(schema: dict[str, Any], depth: int) -> list[Any]:
    most = 100 if depth < 3 else 1  # nested arrays would multiply the size
    return [_example(schema.get("items"), depth + 1)] * min(int(_number(schema, "minItems", 0)), most)


def _text(schema: dict[str, Any], depth: int) -> str:
    shortest, longest = int(_number(schema, "minLength", 0)), int(_number(schema, "maxLength", 10_000))
    return "text".ljust(min(shortest, 10_000), ".")[: max(longest, 0)]


def _integer(schema: dict[str, Any], depth: int) -> int:
    return min(max(1, ceil(_number(schema, "minimum", 1))), floor(_number(schema, "maximum", 2**53)))


def _real(schema: dict[str, Any], depth: int) -> float:
    return min(max(1, _number(schema, "minimum", 1)), _number(schema, "maximum", 2**53))


def _number(schema: dict[str, Any], key: str, default: float) -> float:
    value = schema.get(key)
    return value if isinstance(value, int | float) else default


_MAKERS: dict[str, Any] = {
    "object": _object,
    "array": _array,
    "string": _text,
    "integer": _integer,
    "number": _real,
    "boolean": lambda schema, depth: True,
}

"""Gemini's schemas as JSON Schema."""

import pytest

from aigw.dialects.gemini_schema import json_schema


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "format": "enum", "enum": ["a"]}),
        ({"type": "STRING", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"any_of": [{"type": "INTEGER"}], "nullable": True}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ({"type": "ARRAY", "min_items": "2", "items": {"type": "NUMBER"}},
         {"type": "array", "minItems": 2, "items": {"type": "number"}}),
        ({"type": "OBJECT", "properties": {"nullable": {"type": "BOOLEAN", "nullable": False}},
          "propertyOrdering": ["nullable"], "example": {}},
         {"type": "object", "properties": {"nullable": {"type": "boolean"}}}),
        ({"type": "TYPE_UNSPECIFIED", "description": "x"}, {"description": "x"}),
        ({"maxLength": "many"}, {"maxLength": "many"}),
        ({"maxLength": "9" * 5000}, {"maxLength": "9" * 5000}),
        ({"type": 6, "properties": {"a": {"type": 5, "items": {"type": 1}}}},
         {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}),
        ({"type": 0}, {}), ({"type": 99}, {}),
        (None, None), ([1], [1]), ({"items": 3}, {"items": 3}),
    ],
)  # fmt: skip
def test_schemas(given, made):
    assert json_schema(given) == made


def test_a_schema_without_end():
    deep = {"type": "STRING"}
    for _ in range(500):
        deep = {"type": "ARRAY", "items": deep}
    assert json_schema(deep)["items"]["items"]["type"] == "array"

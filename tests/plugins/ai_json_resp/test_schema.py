"""Schemas: what fits, what cannot be used, and that no value makes one slow."""

import time

import pytest
from any_json import anything
from hypothesis import given

from aigw.plugins.ai_json_resp.schema import JsonSchema, SchemaProblemError, depth_of

SCHEMA = {
    "type": "object",
    "properties": {
        "steps": {"type": "array", "items": {"type": "string"}},
        "id": {"type": "string", "pattern": "^a+$"},
    },
    "patternProperties": {"^n": {"type": "integer"}},
    "required": ["steps"],
}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"steps": ["a"], "id": "aa", "n": 1}, ""),
        ({"steps": [1]}, "$.steps[0]: 1 is not of type 'string'"),
        ({}, "$: 'steps' is a required property"),
        ({"steps": [], "id": "b"}, "$.id: 'b' does not match '^a+$'"),
        ({"steps": [], "n2": "x"}, "$.n2: 'x' is not of type 'integer'"),
        ([], "$: [] is not of type 'object'"),
    ],
)
def test_what_fits(value, problem):
    assert JsonSchema(SCHEMA).problem(value) == problem


@given(anything)
def test_any_value_is_checked(value):
    assert isinstance(JsonSchema(SCHEMA).problem(value), str)


@pytest.mark.parametrize(
    ("schema", "swagger", "fits"),
    [
        ({"exclusiveMinimum": 1}, False, False),
        ({"minimum": 1, "exclusiveMinimum": True}, True, False),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}, False, False),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}]}, False, True),
        ({"const": 2}, True, True),
    ],
)
def test_drafts(schema, swagger, fits):
    assert (JsonSchema(schema, swagger=swagger).problem(1) == "") is fits


@pytest.mark.parametrize(
    ("schema", "path", "problem"),
    [
        ({"type": "nope"}, ("type",), "not valid under any of the given schemas"),
        (
            {"properties": {"a": {"$ref": "https://example.com/x"}}},
            ("properties", "a", "$ref"),
            "leads out of the schema",
        ),
        ({"items": [{"pattern": "(?!a)b"}]}, ("items", 0, "pattern"), "no pattern that takes linear time"),
        ({"patternProperties": {"(?=a)": {}}}, ("pattern",), "no pattern that takes linear time"),
        ("x", (), "is not of type"),
    ],
)
def test_what_cannot_be_used(schema, path, problem):
    with pytest.raises(SchemaProblemError, match=problem) as caught:
        JsonSchema(schema)
    assert caught.value.path == path


def test_references_inside_the_schema():
    tree = {
        "$ref": "#/definitions/node",
        "definitions": {"node": {"type": "array", "items": {"$ref": "#/definitions/node"}}},
    }
    assert JsonSchema(tree).problem([[[]]]) == ""
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert JsonSchema(tree).problem(deep) == "it is nested too deeply"


def test_a_pattern_takes_linear_time():
    start = time.perf_counter()
    assert JsonSchema({"pattern": "^(a+)+$"}).problem("a" * 50_000 + "b")
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(("value", "depth"), [(1, 1), ({}, 1), ({"a": 1}, 2), ([[{"a": []}]], 4)])
def test_the_depth(value, depth):
    assert depth_of(value) == depth


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, 2], True),
        ([1, 1.0], False),
        ([True, 1], True),
        ([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}], False),
        ([[1], ["1"]], True),
    ],
)
def test_items_that_are_the_same(items, unique):
    assert (JsonSchema({"uniqueItems": True}).problem(items) == "") is unique
    assert JsonSchema({"uniqueItems": False}).problem(items) == ""


def test_many_items_take_linear_time():
    start = time.perf_counter()
    assert JsonSchema({"uniqueItems": True}).problem([{"a": number} for number in range(50_000)]) == ""
    assert time.perf_counter() - start < 5


def test_half_of_a_surrogate_pair_is_a_text():
    schema = JsonSchema({"pattern": "^a", "patternProperties": {"^a": {"type": "string"}}})
    assert schema.problem("a\ud83d") == schema.problem({"\ud83d": 1}) == ""
    assert schema.problem("\ud83d") != ""

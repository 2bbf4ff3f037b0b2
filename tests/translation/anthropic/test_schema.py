"""A JSON Schema in the form that Anthropic's API enforces."""

import pytest
from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st

from aigw.translation.anthropic.schema import enforceable

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def test_a_closed_schema_stays_as_it_is():
    whole = {**CLOSED, "title": "T", "properties": {
        "a": {"type": "string", "format": "date", "description": "d"},
        "b": {"anyOf": [{"$ref": "#/$defs/X"}, {"type": "null"}]},
        "c": {"type": "array", "items": {"enum": ["x"]}, "minItems": 1},
    }, "$defs": {"X": CLOSED}}  # fmt: skip
    assert enforceable(whole) == whole


def test_an_open_object_is_closed():
    assert enforceable({"type": "object", "properties": {}})["additionalProperties"] is False


def test_what_is_not_enforced_is_said():
    given = {"type": "integer", "minimum": 1, "maximum": 9, "description": "of pages"}
    assert enforceable(given) == {"type": "integer", "description": "of pages\n\n{minimum: 1, maximum: 9}"}


def test_one_of_is_any_of():
    assert enforceable({"oneOf": [{"type": "string"}]}) == {"anyOf": [{"type": "string"}]}


@pytest.mark.parametrize(
    "schema",
    [
        None, True, [], {"type": "object", "additionalProperties": True}, {"properties": []}, {"anyOf": {}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/B"}]}, "B": {"items": {"$ref": "#/$defs/A"}}}},
    ],
)  # fmt: skip
def test_what_cannot_be_enforced(schema):
    assert enforceable(schema) is None


def test_a_very_deep_schema_is_not_enforced():
    deep = {"type": "string"}
    for _ in range(100_000):
        deep = {"items": deep}
    assert enforceable(deep) is None


@given(fields(
    type=st.sampled_from(["object", "array"]), properties=st.dictionaries(st.text(max_size=2), fields(items=anything)), items=anything,
    anyOf=anything, oneOf=anything, description=anything, additionalProperties=anything, format=anything, minItems=anything,
    **{"$ref": anything, "$defs": anything},
))  # fmt: skip
def test_it_is_never_changed_twice(schema):
    once = enforceable(schema)
    assert once is None or enforceable(once) == once

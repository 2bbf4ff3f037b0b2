"""aigw/upstream/builtin/text.py: pieces that join to the text, and example JSON that its schema accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.upstream.builtin.text import MOST_PIECES, example_json, pieces


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


@pytest.mark.parametrize("size", [MOST_PIECES, MOST_PIECES + 1, 3 * MOST_PIECES + 1])
def test_the_number_of_pieces_is_bounded(size: int) -> None:
    assert len(pieces("中" * size)) <= MOST_PIECES
    assert "".join(pieces("中" * size)) == "中" * size


NUMBERS = {"type": "array", "items": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({"type": "string"}, {}),
        ({"type": "object", "properties": 3}, {}),
        (
            {"type": "object", "properties": {"a": {}, "b": {"type": "string"}}, "required": ["b", "c", []]},
            {"b": "text"},
        ),
    ],
)
def test_example_json_is_an_object(schema: Any, expected: Any) -> None:
    assert json.loads(example_json(schema)) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"enum": ["x", "y"]}, "x"),
        ({"const": 4}, 4),
        ({"type": ["integer", "null"], "minimum": 2.5}, 3),
        ({"type": "number", "minimum": 0.2, "maximum": 0.8}, 0.8),
        ({**NUMBERS, "minItems": 2}, [1, 1]),
        (NUMBERS, []),
        ({"type": "string", "minLength": 6}, "text.."),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "object", "properties": {"b": {"type": "string"}}}, {"b": "text"}),
        ({"type": [[]]}, None),
    ],
)
def test_example_json_follows_the_schema(schema: Any, expected: Any) -> None:
    assert json.loads(example_json({"type": "object", "properties": {"a": schema}})) == {"a": expected}


def test_a_schema_that_asks_for_too_much_is_bounded() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(500):
        schema = {"type": "array", "minItems": 1_000_000, "items": schema}
    assert len(example_json({"properties": {"a": schema, "b": {"type": "string", "minLength": 10**9}}})) < 1_000_000


KEYWORDS = ["type", "properties", "required", "items", "enum", "minItems", "minimum", "maximum", "minLength", "a"]
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["object", "array", "string", "integer", "number"])


@given(st.recursive(LEAVES, lambda some: st.lists(some) | st.dictionaries(st.sampled_from(KEYWORDS), some)))
@settings(max_examples=50)
def test_any_schema_gives_an_object(schema: Any) -> None:
    assert isinstance(json.loads(example_json(schema)), dict)

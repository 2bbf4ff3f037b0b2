"""JSON that is a ValueError whatever is wrong with it."""

import json

import msgspec
import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.json_values import decoded, encoded, json_text, object_of

DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json(data):
    with pytest.raises(ValueError):
        decoded(data)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"null"])
def test_what_is_no_object(data):
    with pytest.raises(ValueError, match="no JSON object"):
        object_of(data)


def test_what_is_too_deep_to_be_written():
    with pytest.raises(ValueError, match="too deeply"):
        encoded(DEEP)


def test_half_an_emoji_stays_escaped():
    assert json_text({"a": "\ud83d"}) == '{"a": "\\ud83d"}'


def test_half_an_emoji_beside_what_is_still_encoded():
    assert decoded(encoded({"a": "\ud83d", "b": msgspec.Raw(b'{"c":"\\ude00"}')})) == {
        "a": "\ud83d",
        "b": {"c": "\ude00"},
    }
    with pytest.raises(TypeError, match="object is no JSON"):
        encoded({"a": "\ud83d", "b": object()})


def test_nested_too_deeply_beside_half_an_emoji():
    nested = innermost = {}
    for _ in range(100_000):
        innermost["x"] = innermost = {}
    with pytest.raises(ValueError, match="nested too deeply"):
        encoded({"a": "\ud83d", "b": nested})


@given(st.dictionaries(st.text(st.characters(categories=["Cs", "L"])), st.text(st.characters(categories=["Cs", "L"]))))
def test_any_text_comes_back(value):
    whole = json.loads(json.dumps(value))  # two halves beside each other are one character
    assert decoded(encoded(value)) == whole


@given(anything)
def test_any_json_comes_back(value):
    assert decoded(encoded(value)) == value == json.loads(json_text(value))

"""Events that say their type twice, and JSON that is a ValueError whatever is wrong with it."""

import json

import pytest
from any_json import anything
from hypothesis import given

from aigw.core.model import Chunk
from aigw.dialects.typed_event import decoded, encoded, json_text, object_of, rewritten, type_of, typed_event

DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        ({"type": "ping"}, b'event: ping\ndata: {"type":"ping"}\n\n'),
        ({"type": "a\nevent: b"}, b'data: {"type":"a\\nevent: b"}\n\n'),
        ({"type": 5}, b'data: {"type":5}\n\n'),
        ({}, b"data: {}\n\n"),
    ],
)
def test_a_type_that_can_stand_in_a_line_does(body, raw):
    event = typed_event(body)
    assert event.raw == raw
    assert event.json() == body


def test_what_is_rewritten_stays_what_it_was():
    assert rewritten(typed_event({"type": "a"}), {"type": "b"}).raw == b'event: b\ndata: {"type":"b"}\n\n'
    plain = b'{"type": "message"}'
    assert rewritten(Chunk(plain, plain), {"x": 1}).raw == b'{"x":1}'


@pytest.mark.parametrize(
    ("data", "kind"), [(b'{"type": "a"}', "a"), (b'{"type": 5}', ""), (b"[]", ""), (b"[DONE]", ""), (None, "")]
)
def test_the_type_of_an_event(data, kind):
    assert type_of(Chunk(b"raw", data)) == kind


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


@given(anything)
def test_any_json_comes_back(value):
    assert decoded(encoded(value)) == value == json.loads(json_text(value))

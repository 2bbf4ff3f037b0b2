"""The parts of Higress's built-in attributes; whole answers are in tests/conformance and tests/plugins."""

import pytest
from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st

from aigw.higress.log_attributes import ToolCalls, of_details


def openai(*calls):
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(calls)}}]}


def joined(*events):
    calls = ToolCalls()
    for event in events:
        calls.feed(event)
    return calls.value


def test_pieces_of_openais_calls_are_joined_by_their_index():
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x"'}}
    second = {"index": 1, "id": "b", "type": "function", "function": {"name": "g"}}
    rest = {"index": 0, "function": {"arguments": ":1}"}}
    assert joined(openai(first), openai(second), openai(rest)) == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "g"}},
    ]


def test_pieces_of_anthropics_calls_are_joined_by_their_block():
    start = {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "a", "name": "f"}}
    text = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

    def delta(index, piece):
        return {"type": "content_block_delta", "index": index, "delta": {"partial_json": piece}}

    assert joined(text, delta(0, "no call"), start, delta(2, '{"x"'), delta(2, ":1}")) == [
        {"index": 2, "id": "a", "type": "tool_use", "function": {"name": "f", "arguments": '{"x":1}'}}
    ]


@given(st.lists(anything | fields(type=st.just("content_block_start"), content_block=fields(type=st.just("tool_use")))))
def test_any_json_is_read(events):
    joined(*events)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reasoning_tokens", 3),
        ("cached_tokens", 2),
        ("input_token_details", '{"audio_tokens":1,"cached_tokens":2}'),
        ("output_token_details", '{"reasoning_tokens":3}'),
    ],
)
def test_details(key, value):
    assert of_details(key, {"cached_tokens": 2, "audio_tokens": 1}, {"reasoning_tokens": 3}) == value
    assert of_details(key, {}, {}) is None

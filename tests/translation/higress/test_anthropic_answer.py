"""Answers of the provider `claude`, beside the cases of tests/conformance."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.dialects.typed_event import typed_event
from aigw.translation.higress.anthropic_answer import ChatStream, chat_of

START = {
    "type": "message_start",
    "message": {"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1, "service_tier": "standard"}},
}


def whole(*content, **more):
    answer = {"id": "m", "content": list(content), "stop_reason": "end_turn", **more}
    return chat_of(answer, model="c", created=7)


def streamed(*events):
    stream = ChatStream(model="c", created=7)
    out = [*stream.feed([typed_event(event) for event in events]), *stream.end()]
    return [chunk.json() for chunk in out]


def deltas(*events):
    return [(body["choices"][0]["index"], body["choices"][0]["delta"]) for body in streamed(*events)]


def test_thinking_of_a_plain_answer():
    answer = whole(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "a"},
    )
    assert answer["choices"][0]["message"] == {
        "role": "assistant", "content": "a", "reasoning_content": "hm", "reasoning_signature": "s",
        "reasoning_redacted_content": "d",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_tokens", "length"), ("stop_sequence", "stop"), ("refusal", "refusal"), (None, "")],
)
def test_reasons(reason, finish):
    assert whole(stop_reason=reason)["choices"][0]["finish_reason"] == finish


def test_usage_of_nothing_is_none():
    assert whole()["usage"] is None
    assert whole(usage={"output_tokens": 2})["usage"] == {"completion_tokens": 2, "total_tokens": 2}


def test_failure_in_a_plain_answer_is_told():
    with pytest.raises(ValueError, match="error_type: overloaded_error, error_message: busy"):
        whole(error={"type": "overloaded_error", "message": "busy"})


def test_blocks_number_choices_and_calls():
    assert deltas(
        START,
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
    ) == [
        (0, {"role": "assistant", "content": ""}),
        (0, {"reasoning": "hm"}),
        (1, {"tool_calls": [{"index": 1, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
        (1, {"tool_calls": [{"index": 1, "type": "function", "function": {"arguments": "{}"}}]}),
        (0, {}),
    ]  # fmt: skip


def test_tier_is_in_each_event():
    assert {body["service_tier"] for body in streamed(START, {"type": "message_stop"})} == {"standard"}


def test_failure_in_a_stream_is_told():
    (body,) = streamed({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
    assert body["error"]["message"] == "busy"
    (body,) = streamed({"type": "message_start", "message": []})
    assert "message: must be an object" in body["error"]["message"]


EVENTS = st.lists(
    st.dictionaries(
        st.sampled_from(["type", "index", "delta", "message", "content_block", "usage", "error"]),
        st.none() | st.integers() | st.sampled_from(["message_start", "message_delta", "content_block_start", "content_block_delta", "message_stop", "error"])
        | st.dictionaries(st.sampled_from(["type", "text", "id", "usage", "stop_reason", "partial_json"]), st.text() | st.none()),
    )
)  # fmt: skip


@given(EVENTS)
def test_any_events_are_read(events):
    stream = ChatStream(model="c", created=7)
    for event in events:
        data = json.dumps(event).encode()
        for chunk in stream.feed([Chunk(b"data: " + data + b"\n\n", data)]):
            assert isinstance(chunk.json(), dict)

"""Answers of chat completions for Anthropic's clients, beside the cases of tests/conformance."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.dialects.openai_chat import DONE
from aigw.dialects.sse import Event, EventSplitter, json_event
from aigw.dialects.typed_event import typed_event
from aigw.translation.higress.messages_answer import MessageStream, message_of

USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


def stream_of():
    return MessageStream(lambda error: typed_event({"type": "failed", "message": error.message}).raw)


def piece(finish=None, usage=None, **delta):
    body = {"id": "c", "model": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return body if usage is None else {**body, "usage": usage}


def call(index, arguments="", **named):
    id, name = named.get("id"), named.get("name")
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, "type": "function", "function": function, **({"id": id} if id else {})}


def streamed(*bodies, done=True):
    stream = stream_of()
    chunks = [*map(json_event, bodies), *([Event(DONE)] if done else [])]
    return [chunk.json() for chunk in [*stream.feed(chunks), *stream.end()]]


def kinds(events):
    short = {"content_block_start": "start", "content_block_delta": "delta", "content_block_stop": "stop"}
    return [(short.get(event["type"], event["type"]), event.get("index")) for event in events]


def test_calls_follow_one_another():
    events = streamed(
        piece(role="assistant", tool_calls=[call(0, "{", id="a", name="f"), call(1, '{"x"', id="b", name="g")]),
        piece(tool_calls=[call(1, ":1}"), call(0, "}")]),
        piece("tool_calls"),
        {"choices": [], "usage": USAGE},
    )
    assert kinds(events) == [
        ("message_start", None), ("start", 0), ("delta", 0), ("delta", 0), ("start", 1), ("delta", 1),
        ("stop", 0), ("stop", 1), ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    assert events[5]["delta"] == {"type": "input_json_delta", "partial_json": '{"x":1}'}


def test_thoughts_text_and_a_call_are_blocks():
    events = streamed(
        piece(role="assistant", reasoning_content="hm"), piece(reasoning="so"), piece(content="a"),
        piece(tool_calls=[call(0, id="a", name="f")]), piece("tool_calls", usage=USAGE),
    )  # fmt: skip
    assert kinds(events) == [
        ("message_start", None), ("start", 0), ("delta", 0), ("delta", 0), ("stop", 0), ("start", 1), ("delta", 1),
        ("stop", 1), ("start", 2), ("stop", 2), ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    assert events[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}


def test_usage_in_each_event_ends_nothing():
    """The source of the trap: higress-group/higress#3670."""
    events = streamed(
        piece(role="assistant", content="a", usage=USAGE),
        piece("", content="b", usage=USAGE),
        piece("stop", usage=USAGE),
    )
    assert kinds(events)[-1] == ("message_stop", None)
    assert [event["delta"].get("stop_reason") for event in events if event["type"] == "message_delta"] == [
        None,
        None,
        "end_turn",
    ]


def test_events_behind_the_end_are_ignored():
    """The source of the trap: higress-group/higress#3733."""
    events = streamed(piece(role="assistant", content="a"), piece("stop", usage=USAGE), {"choices": [], "usage": USAGE})
    assert [kind for kind, _ in kinds(events)].count("message_delta") == 1


@pytest.mark.parametrize("done", [True, False])
def test_end_without_usage(done):
    events = streamed(piece(role="assistant", content="a"), piece("length"), done=done)
    assert events[-2] == {"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": None}}
    assert events[-1] == {"type": "message_stop"}


def test_stream_that_breaks_off_is_ended():
    assert kinds(streamed(piece(role="assistant", content="a"), done=False))[-2:] == [
        ("stop", 0),
        ("message_stop", None),
    ]
    assert streamed(done=True) == []


def test_text_without_a_role_begins_the_message():
    assert kinds(streamed(piece(content="a")))[0] == ("message_start", None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"error": {"type": "server_error", "message": "busy"}}, "busy"),
        ({"choices": 5}, "choices: must be an array of objects"),
    ],
)
def test_failure_in_a_stream_is_told(body, why):
    (chunk,) = stream_of().feed([json_event(body)])
    assert Event(chunk.raw).json() == {"type": "failed", "message": why}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({**USAGE, "prompt_tokens_details": {"cached_tokens": 4}}, (6, 4)),
        ({**USAGE, "total_tokens": 16, "prompt_tokens_details": {"cached_tokens": 4}}, (10, 4)),
        (USAGE, (10, None)),
    ],
)
def test_cached_tokens(usage, counts):
    told = message_of({"usage": usage})["usage"]
    assert (told["input_tokens"], told.get("cache_read_input_tokens")) == counts


def test_whole_answers():
    def answer(**message):
        return message_of(
            {"id": "c", "model": "x", "choices": [{"message": message, "finish_reason": "content_filter"}]}
        )

    assert answer(content="")["content"] is None
    assert answer(content="a")["stop_reason"] == "content_filter"
    assert answer(tool_calls=[call(0), call(1, "{", id="t")])["content"] == [
        {"type": "tool_use", "id": "t", "input": {}}
    ]
    assert message_of({})["stop_reason"] is None


TEXT = "".join(json_event(body).raw.decode() for body in (
    piece(role="assistant", content="hé"), piece(tool_calls=[call(0, "{}", id="a", name="f")]), piece("tool_calls", usage=USAGE),
)).encode() + DONE  # fmt: skip


@given(st.sets(st.integers(1, len(TEXT) - 1)))
def test_any_cut_gives_the_same(cuts):
    def pieces(places):
        stream, splitter, out = stream_of(), EventSplitter(), b""
        for start, end in zip([0, *places], [*places, len(TEXT)], strict=True):
            out += b"".join(chunk.raw for chunk in stream.feed(splitter.feed(TEXT[start:end])))
        return out + b"".join(chunk.raw for chunk in stream.end())

    assert pieces(sorted(cuts)) == pieces([])


EVENTS = st.lists(
    st.dictionaries(
        st.sampled_from(["choices", "usage", "id", "error"]),
        st.none() | st.integers() | st.text()
        | st.lists(st.dictionaries(st.sampled_from(["delta", "finish_reason", "message"]), st.none() | st.text() | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "reasoning"]), st.none() | st.integers() | st.text() | st.lists(st.none())))),
    )
)  # fmt: skip


@given(EVENTS)
def test_any_events_are_written(bodies):
    stream = stream_of()
    for body in bodies:
        data = json.dumps(body).encode()
        for chunk in stream.feed([Chunk(b"data: " + data + b"\n\n", data)]):
            assert isinstance(Event(chunk.raw).json(), dict)
        try:
            json.dumps(message_of(body))
        except ValueError as error:
            assert "must be" in str(error)

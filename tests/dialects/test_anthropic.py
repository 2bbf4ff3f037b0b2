"""Answers of Anthropic Messages: streams that real clients took, read whole, byte by byte and cut short."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.answer import ToolCall
from aigw.core.errors import GatewayError
from aigw.core.model import Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.dialects.anthropic import AnthropicMessages, MessagesReader
from aigw.dialects.sse import EventSplitter

WIRE = Path(__file__).parent / "wire"
MESSAGES = AnthropicMessages()
ASKED = MESSAGES.asked(Request("POST", "/v1/messages", "", CIMultiDict()), apis.MESSAGES)


def answered(name):
    return "".join(json.loads((WIRE / f"{name}.json").read_bytes())["chunks"]).encode()


def split(raw):
    return list(EventSplitter().feed(raw))


def events(*bodies, named=True, **dump):
    lines = [f"event: {body['type']}\n" if named else "" for body in bodies]
    raw = "".join(f"{line}data: {json.dumps(body, **dump)}\n\n" for line, body in zip(lines, bodies, strict=True))
    return split(raw.encode())


def read(*batches):
    reader = MESSAGES.reader(ASKED, streaming=True)
    for batch in batches:
        reader.feed(batch)
    return reader


def read_plain(body):
    reader = MESSAGES.reader(ASKED, streaming=False)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reader.feed([Chunk(data, data)])
    return reader


USAGE = Tokens(input=11, cache_read=5, cache_write=7, output=9, source="reported")
CALL = ToolCall("Read", '{"file_path": "/home/user/project/hello.txt"}', "toolu_rec01")
ANSWERS = {
    "answer-anthropic-text": ("RECORDED", "", [], "stop"),
    "answer-anthropic-tool": ("", "I think.", [CALL], "tool_calls"),
}  # fmt: skip


def told(reader):
    return (reader.text, reader.reasoning, reader.calls, reader.finish)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_whole_and_byte_by_byte(name):
    raw = answered(name)
    splitter = EventSplitter()
    for reader in (
        read(split(raw)),
        read(*([event] for event in split(raw))),
        read(*(splitter.feed(raw[place : place + 1]) for place in range(len(raw)))),
    ):
        assert told(reader) == ANSWERS[name]
        assert (reader.tokens, reader.model, reader.usage.beside) == (USAGE, "claude-x", True)
        assert reader.complete and reader.error == "" and reader.size == len(raw)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_cut_short_is_not_complete_but_tells_what_came(name):
    whole = split(answered(name))
    bodies = [event.json() for event in whole]
    deltas = [body.get("delta", {}) for body in bodies]
    for length in range(len(whole)):
        reader = read(whole[:length])
        so_far = deltas[:length]
        assert not reader.complete
        assert reader.text == "".join(delta.get("text", "") for delta in so_far)
        assert reader.reasoning == "".join(delta.get("thinking", "") for delta in so_far)
        assert "".join(call.arguments for call in reader.calls) == "".join(
            delta.get("partial_json", "") for delta in so_far
        )


@pytest.mark.parametrize("name", ANSWERS)
def test_only_events_that_tell_something_are_decoded_as_they_go_by(name):
    batch = split(answered(name))
    reader = read(batch)
    decoded = [event for event in batch if event.is_read]
    assert [event.json()["type"] for event in decoded] == ["message_start", "message_delta", "message_stop"]
    assert list(reader.telling) == decoded


START = {
    "type": "message_start",
    "message": {"id": "i", "model": "m", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}},
}
END = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 4},
}
STOP = {"type": "message_stop"}


def start(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, **delta):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def text_of(text):
    return [start(0, type="text", text=""), delta(0, type="text_delta", text=text), stop(0)]


@pytest.mark.parametrize("dump", [{"separators": (",", ":")}, {}, {"separators": (", ", " : ")}])
@pytest.mark.parametrize("named", [True, False])
def test_white_space_and_event_lines_do_not_matter(dump, named):
    reader = read(events(START, *text_of("x"), END, STOP, named=named, **dump))
    assert reader.complete and told(reader) == ("x", "", [], "stop")
    assert reader.tokens == Tokens(input=3, output=4, source="reported")


def test_marks_inside_a_text_are_none():
    batch = events(*text_of('{"type": "error", "error": {}} "message_stop" "stop_reason"'))
    reader = read(batch)
    assert not [event for event in batch if event.is_read]
    assert reader.error == "" and not reader.complete and reader.text.startswith('{"type"')
    assert not MESSAGES.is_last(batch)


def test_an_error_in_mid_stream():
    failure = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    reader = read(events(START, *text_of("x"), failure))
    assert (reader.error, reader.complete, reader.text) == ("Overloaded", False, "x")
    assert read(split(b'data: {"error":{"message":"broke"}}\n\n')).error == "broke"


def test_an_error_behind_the_end_counts():
    assert not read(events(START, END, STOP, {"type": "error", "error": "late"})).complete


@pytest.mark.parametrize(
    "reason, finish",
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("tool_use", "tool_calls"), ("refusal", "content_filter"), ("new", "stop"),
    ],
)  # fmt: skip
def test_why_it_ended(reason, finish):
    end = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 1}}
    assert read(events(START, end, STOP)).finish == finish
    plain = read_plain({"type": "message", "content": [], "stop_reason": reason})
    assert plain.finish == finish and plain.complete


def test_an_end_without_a_reason_is_none():
    assert not read(events(START, STOP)).complete
    assert not read(events(START, END)).complete
    assert not read_plain({"type": "message", "content": [], "stop_reason": None}).complete


@pytest.mark.parametrize(
    "block, pieces, arguments",
    [
        ({"input": {}}, ["", '{"a":', "1}"], '{"a":1}'),
        ({"input": {"a": 1}}, [], '{"a":1}'),  # a provider that gives all of it at once
        ({"input": {"a": 1}}, ["", '{"a": 2}'], '{"a": 2}'),
        ({"input": {}}, [], "{}"),
        ({}, [""], "{}"),
    ],
)
def test_the_arguments_of_a_call(block, pieces, arguments):
    deltas = [delta(1, type="input_json_delta", partial_json=piece) for piece in pieces]
    reader = read(events(START, start(1, type="tool_use", id="t", name="f", **block), *deltas, stop(1), END, STOP))
    assert reader.calls == [ToolCall("f", arguments, "t")]


def test_calls_whose_pieces_come_interleaved():
    calls = [
        start(0, type="tool_use", id="a", name="f", input={}),
        start(1, type="server_tool_use", id="b", name="g", input={}),
    ]
    pieces = [
        delta(index, type="input_json_delta", partial_json=text)
        for index, text in ((0, "[0"), (1, "[1"), (0, "]"), (1, "]"))
    ]
    assert read(events(*calls, *pieces)).calls == [ToolCall("f", "[0]", "a"), ToolCall("g", "[1]", "b")]


def test_a_client_that_leaves_early_has_got_something():
    """Text and calls can be counted where no usage was told."""
    reader = read(events(START, *text_of("so far")))
    assert reader.text == "so far" and reader.tokens.output == 1


def test_a_plain_answer():
    whole = MESSAGES.whole(split(answered("answer-anthropic-tool")))
    reader = read_plain(whole)
    call = CALL._replace(arguments='{"file_path":"/home/user/project/hello.txt"}')
    assert told(reader) == ("", "I think.", [call], "tool_calls")
    assert (reader.tokens, reader.model, reader.complete) == (USAGE, "claude-x", True)


def test_a_plain_error():
    reader = read_plain({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}})
    assert (reader.error, reader.complete) == ("no", False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
TYPES = st.sampled_from(
    ["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "tool_result", "document", "search_result", "error",
     "message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta", "content_block_stop",
     "text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "text", "content", "role", "system", "messages", "tools", "name", "input", "input_schema", "tool_choice", "source",
     "data", "index", "delta", "content_block", "message", "usage", "stop_reason", "error", "partial_json", "thinking", "id"]
)  # fmt: skip
LIKELY = st.recursive(
    JSON | TYPES | st.sampled_from(["end_turn", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
BODIES = st.dictionaries(NAMES, LIKELY, max_size=7)


@given(st.lists(BODIES, max_size=4), st.booleans())
def test_any_json_can_be_read(bodies, streaming):
    reader = MessagesReader(streaming=streaming)
    for body in bodies:
        data = json.dumps(body).encode()
        reader.feed(split(b"data: " + data + b"\n\n") if streaming else [Chunk(data, data)])
    assert isinstance(reader.text, str) and isinstance(reader.reasoning, str) and isinstance(reader.error, str)
    assert all(isinstance(part, str) for call in reader.calls for part in call)
    assert reader.complete in (True, False) and reader.tokens is not None and isinstance(reader.model, str)


@pytest.mark.parametrize(
    "batch, last",
    [
        (events(START), False),
        (events(END, STOP), True),
        (events(STOP) + split(b"data: [DONE]\n\n"), True),
        (split(b": ping\n\n"), False),
    ],
)
def test_the_last_event(batch, last):
    assert MESSAGES.is_last(batch) == last


def test_our_error_in_mid_stream_is_read_as_one():
    reader = read(events(START, *text_of("x")), split(MESSAGES.error_event(GatewayError(502, "broke"), "r")))
    assert (reader.error, reader.complete) == ("broke", False)


@pytest.mark.parametrize("reason", ["error", "cancelled"])
def test_a_message_that_says_that_it_failed_is_not_complete(reason):
    found = read_plain({"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": reason})
    assert (found.error, found.finish, found.complete) == (reason, "error", False)

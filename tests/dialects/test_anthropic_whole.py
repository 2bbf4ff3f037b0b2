"""What Anthropic Messages are made of: streams of bodies, bodies of streams, answers and errors of ours."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.core.answer import Answer, ToolCall
from aigw.core.errors import GatewayError
from aigw.core.model import Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.dialects.anthropic import AnthropicMessages
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import dialect_of

MESSAGES = AnthropicMessages()
HEADERS = CIMultiDict({"content-type": "application/json"})
ASKED = MESSAGES.asked(Request("POST", "/v1/messages", "", HEADERS, b'{"model":"m"}'), apis.MESSAGES)


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


def told(reader):
    return (reader.text, reader.reasoning, reader.calls, reader.finish)


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
    JSON | TYPES | st.sampled_from(["user", "assistant", "system"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
BODIES = st.dictionaries(NAMES, LIKELY, max_size=7)


TEXT = st.text(max_size=6)
USED = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 9), "output_tokens": st.integers(0, 9)},
    optional={
        "cache_read_input_tokens": st.none() | st.integers(0, 9),
        "cache_creation": st.dictionaries(TEXT, st.integers(), max_size=2),
        "service_tier": st.none() | TEXT,
    },
)
BLOCK = (
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}, optional={"citations": st.none() | st.lists(JSON, max_size=2)})
    | st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXT}, optional={"signature": TEXT})
    | st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": TEXT})
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["tool_use", "server_tool_use"]), "id": TEXT, "name": TEXT, "input": st.dictionaries(TEXT, JSON, max_size=3)},
        optional={"caller": JSON},
    )
    | st.dictionaries(st.sampled_from(["type", "content", "text", "future"]), JSON, max_size=4)
)  # fmt: skip
BODY = st.fixed_dictionaries(
    {
        "id": TEXT, "type": st.just("message"), "role": st.just("assistant"), "model": TEXT, "content": st.lists(BLOCK, max_size=4),
        "stop_reason": st.none() | TEXT,
    },
    optional={
        "usage": USED, "stop_sequence": st.none() | TEXT, "stop_details": JSON, "container": JSON, "context_management": JSON, "future": JSON,
    },
)  # fmt: skip


@given(BODY)
def test_a_body_survives_being_streamed(body):
    stream = list(MESSAGES.events(json.dumps(body).encode(), usage=True))
    assert json.loads(MESSAGES.whole(stream)) == body
    assert all(event.raw.startswith(b"event: " + event.json()["type"].encode() + b"\ndata: ") for event in stream)
    assert MESSAGES.is_last(stream[-1:]) and not MESSAGES.is_last(stream[:-1])


@given(BODY.filter(lambda body: body["stop_reason"]))
def test_a_stream_tells_what_its_body_tells(body):
    data = json.dumps(body).encode()
    plain, streamed = read_plain(data), read(list(MESSAGES.events(data, usage=True)))
    assert told(streamed) == told(plain)
    assert (streamed.complete, streamed.tokens, streamed.usage.tier) == (plain.complete, plain.tokens, plain.usage.tier)


def test_the_order_of_events():
    content = [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}]
    body = {
        "type": "message",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 7},
    }
    stream = [event.json() for event in MESSAGES.events(json.dumps(body).encode(), usage=True)]
    assert [(each["type"], each.get("index")) for each in stream] == [
        ("message_start", None),
        *[(f"content_block_{what}", index) for index in (0, 1) for what in ("start", "delta", "stop")],
        ("message_delta", None),
        ("message_stop", None),
    ]
    assert stream[0]["message"]["usage"] == {"input_tokens": 5, "output_tokens": 1}
    assert stream[-2]["usage"] == {"input_tokens": 5, "output_tokens": 7}
    assert stream[5]["delta"] == {"type": "input_json_delta", "partial_json": "{}"}


def test_what_providers_stream_is_put_together():
    stream = events(
        START, {"type": "ping"}, start(0, type="text", text=""), delta(0, type="text_delta", text="a"),
        delta(0, type="citations_delta", citation={"c": 1}), delta(0, type="text_delta", text="b"), stop(0),
        start(1, type="tool_use", id="t", name="f", input={}), delta(1, type="input_json_delta", partial_json=""),
        delta(1, type="input_json_delta", partial_json='{"x": '), delta(1, type="input_json_delta", partial_json="1}"), stop(1),
        start(2, type="compaction", content=None), delta(2, type="compaction_delta", content="c"), delta(2, type="compaction_delta", content="d"),
        {"type": "unheard_of"}, {**END, "context_management": {"edits": []}}, STOP,
    )  # fmt: skip
    shared = stream[0].json()
    assert json.loads(MESSAGES.whole(stream)) == {
        "id": "i",
        "model": "m",
        "content": [
            {"type": "text", "text": "ab", "citations": [{"c": 1}]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}},
            {"type": "compaction", "content": "cd"},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4},
        "context_management": {"edits": []},
    }
    assert shared["message"]["content"] == []


@pytest.mark.parametrize(
    "bodies",
    [
        [], [STOP], [START], [START, *text_of("x")], [START, delta(0, type="text_delta", text="x"), END, STOP],
        [START, {"type": "error", "error": {"message": "no"}}], [START, {**END, "delta": None}, STOP], [{"type": "message_start"}],
        [START, start(0, type="tool_use", input={}), delta(0, type="input_json_delta", partial_json="{"), END, STOP],
        [START, start("0", type="text"), start(0, type="text"), END, STOP], [START, start([], type="text"), END, STOP],
    ],
)  # fmt: skip
def test_what_makes_no_body_is_refused(bodies):
    with pytest.raises(ValueError):
        MESSAGES.whole(events(*bodies))


@given(st.lists(BODIES, max_size=5))
def test_any_events_make_a_body_or_a_value_error(bodies):
    try:
        made = MESSAGES.whole(events(*[{"type": "message_start", **body} for body in bodies]))
    except ValueError:
        return
    assert isinstance(json.loads(made), dict)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"x", b'{"type":"error","error":{}}', b'{"content":"x"}', b'{"content":["x"]}', b"[" * 9999]
)
def test_what_makes_no_stream_is_refused(body):
    with pytest.raises(ValueError):
        list(MESSAGES.events(body, usage=True))


def test_another_text():
    batch = events(START, *text_of("secret"), END)
    written = [MESSAGES.write(event, "***") for event in batch]
    assert [event for event in written if event not in batch] == [written[2]]
    assert (
        written[2].raw
        == b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"***"}}\n\n'
    )
    assert read(written).text == "***"


TEXTS = [{"type": "text", "text": "secret "}, {"type": "text", "text": "too"}]


def test_another_text_in_a_body():
    content = [{"type": "thinking", "thinking": "t"}, TEXTS[0], {"type": "tool_use", "name": "f"}, TEXTS[1]]
    data = json.dumps({"type": "message", "content": content}).encode()
    written = MESSAGES.write(Chunk(data, data), "***")
    assert written.raw is written.data
    assert json.loads(written.raw)["content"] == [content[0], {"type": "text", "text": "***"}, content[2]]
    nothing = Chunk(b'{"content":[]}', b'{"content":[]}')
    assert MESSAGES.write(nothing, "x") is nothing


@given(BODIES, TEXT)
def test_any_json_can_be_written(body, text):
    data = json.dumps(body).encode()
    for chunk in (*split(b"data: " + data + b"\n\n"), Chunk(data, data)):
        written = MESSAGES.write(chunk, text)
        assert written is chunk or isinstance(written.json(), dict)


CALL = ToolCall("f", "", "toolu_9")
USED_UP = Tokens(input=11, cache_read=2, cache_write=1, output=4, reasoning=3, source="reported")


def streamed(answer, pieces, usage=USED_UP):
    writer = MESSAGES.writer(ASKED, "abc", 1)
    parts = [
        writer.opening(0, answer.call),
        *(writer.piece(0, piece, answer.call) for piece in pieces),
        writer.closing(0, answer),
    ]
    return split(b"".join(b"".join(part) for part in [*parts, writer.end(usage)]))


@pytest.mark.parametrize(
    "answer, pieces",
    [
        (Answer("Hello you"), ["Hello", "", " you"]),
        (Answer("Hel", finish="length"), ["Hel"]),
        (Answer("No.", finish="content_filter"), ["No."]),
        (Answer(""), []),
        (Answer('{"a":1}', call=CALL), ['{"a"', ":1}"]),
        (Answer("{}", call=CALL), []),
    ],
)
def test_an_answer_of_ours_is_the_same_whole_and_streamed(answer, pieces):
    whole = MESSAGES.writer(ASKED, "abc", 1).whole([answer], USED_UP)
    stream = streamed(answer, pieces)
    assert json.loads(MESSAGES.whole(stream)) == json.loads(whole)
    finish = "tool_calls" if answer.call else answer.finish
    calls = [CALL._replace(arguments=answer.text)] if answer.call else []
    for reader in (read(stream), read_plain(whole)):
        assert told(reader) == ("" if answer.call else answer.text, "", calls, finish)
        assert reader.complete and reader.tokens == USED_UP and reader.model == "m"
    starts = [event for event in stream if b'"content_block_start"' in event.raw]
    deltas = [event for event in stream if b'"content_block_delta"' in event.raw]
    assert len(starts) == bool(deltas) == bool(answer.text)


def test_a_stream_guesses_what_the_prompt_is_worth():
    body = b'{"messages": [{"role": "user", "content": "twelve tokens of a prompt"}]}'
    request = Request("POST", "/v1/messages", "", HEADERS, body)
    begun = MESSAGES.writer(MESSAGES.asked(request, apis.MESSAGES), "abc", 1).opening(0, None)
    first = split(b"".join(begun))[0].json()["message"]
    assert first["usage"]["input_tokens"] == len(body) // 4
    assert (first["id"], first["content"], first["stop_reason"]) == ("msg_abc", [], None)


def test_arguments_that_were_cut_off_are_no_input():
    whole = MESSAGES.writer(ASKED, "abc", 1).whole([Answer('{"a":', "length", CALL)], USED_UP)
    assert json.loads(whole)["content"][0]["input"] == {} and json.loads(whole)["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"), (403, "permission_error"),
        (404, "not_found_error"), (413, "request_too_large"), (429, "rate_limit_error"), (529, "overloaded_error"),
        (500, "api_error"), (502, "api_error"), (503, "api_error"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("api", [apis.MESSAGES, apis.COUNT_TOKENS, apis.COMPLETE])
def test_an_error(api, status, kind):
    dialect = dialect_of(api)
    error = GatewayError(status, "no \udcff")
    expected: dict[str, Any] = {"type": "error", "error": {"type": kind, "message": "no �"}, "request_id": "r"}
    assert json.loads(dialect.error(error, "r")) == expected
    assert dialect.error_event(error, "r") == b"event: error\ndata: " + dialect.error(error, "r") + b"\n\n"
    assert dialect.request_id_header == "request-id"

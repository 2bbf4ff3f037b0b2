"""Gemini's answers: real ones that google-genai and gemini-cli took, whole, byte by byte and cut off; and our own."""

import contextlib
import json

import pytest
from any_json import anything, fields
from gemini_wire import (
    ANSWERS,
    ARRAY,
    REPORTED,
    STREAM,
    STREAMED,
    answer,
    any_content,
    bare,
    candidate,
    event,
    read,
    reader,
    said,
    texts,
    wire,
)
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.answer import Answer, ToolCall
from aigw.core.errors import GatewayError
from aigw.core.model import UNREAD, Burst, Chunk
from aigw.core.tokens import Tokens
from aigw.dialects import sse
from aigw.dialects.cumulative import MOST_MARKED
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import GEMINI

# Answers


@pytest.mark.parametrize(("name", "expected"), ANSWERS.items())
def test_a_real_answer_is_read_whole(name, expected):
    found = reader()
    splitter = EventSplitter()
    for chunk in wire(name)["chunks"]:
        found.feed(splitter.feed(chunk.encode()))
    assert (found.text, found.calls, found.finish) == expected
    assert found.complete and not found.error and not found.reasoning
    assert found.tokens == REPORTED
    assert found.model == "gemini-rec"
    assert found.size == sum(map(len, wire(name)["chunks"]))
    assert found.share == 1.0


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("name", "expected"), ANSWERS.items())
def test_a_real_answer_is_read_byte_by_byte(name, expected, line_end):
    found, splitter = reader(), EventSplitter()
    for byte in "".join(wire(name)["chunks"]).encode().replace(b"\n", line_end):
        if batch := splitter.feed(bytes([byte])):
            found.feed(batch)
    assert splitter.rest == b""
    assert (found.text, found.calls, found.finish) == expected
    assert (found.complete, found.tokens) == (True, REPORTED)


@pytest.mark.parametrize(("name", "expected"), ANSWERS.items())
def test_all_of_a_real_answer_may_come_in_one_read(name, expected):
    found = reader()
    found.feed(EventSplitter().feed("".join(wire(name)["chunks"]).encode()))
    assert (found.text, found.calls, found.finish, found.tokens) == (*expected, REPORTED)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_real_answer_that_is_cut_off_is_not_complete(name):
    text, calls, _ = ANSWERS[name]
    chunks = wire(name)["chunks"]
    for kept in range(len(chunks)):
        found = reader()
        for chunk in chunks[:kept]:
            found.feed(EventSplitter().feed(chunk.encode()))
        assert (found.complete, found.finish, found.error) == (False, "", "")
        assert (found.text, found.calls) == ((text, calls) if kept else ("", []))
        assert found.tokens == (REPORTED if kept else Tokens())


def test_who_leaves_early_is_charged_for_what_was_produced():
    """Nobody read the texts of a stream of Gemini's, so that one without usage cost nothing."""
    found = read(answer({"text": "Hel"}), answer({"text": "lo"}), answer({"text": "hm", "thought": True}))
    assert (found.text, found.reasoning, found.tokens.source) == ("Hello", "hm", "absent")
    assert not found.complete
    found.feed([event(answer({"text": "!"}, usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 2}))])
    assert (found.text, found.tokens.output) == ("Hello!", 2)


class Counted(sse.Event):
    """Counts how often events are decoded."""

    __slots__ = ()
    decoded = 0

    def json(self):
        Counted.decoded += self._json is UNREAD
        return super().json()


def test_nothing_is_decoded_before_somebody_asks():
    """Each event tells the usage so far; only the last one counts."""
    Counted.decoded = 0
    found = reader()
    for number in range(100):
        usage = {"promptTokenCount": 5, "candidatesTokenCount": number, "totalTokenCount": 5 + number}
        found.feed([Counted(event(answer({"text": "a"}, usageMetadata=usage)).raw) for _ in range(2)])
    assert Counted.decoded == 0
    assert (found.tokens.input, found.tokens.output, found.complete, found.finish) == (5, 99, False, "")
    assert Counted.decoded == 1
    found.feed([Counted(event(answer({"text": "b"}, finish="STOP")).raw)])
    assert (found.complete, found.tokens.output, Counted.decoded) == (True, 99, 2)
    assert found.text == "a" * 200 + "b"


def test_the_events_that_told_something_are_few():
    """Whoever looks at them as well decodes no more of them."""
    usage = {"usageMetadata": {"promptTokenCount": 5}}
    sent = [event(answer({"text": "a"}, **usage)) for _ in range(9)]
    ended = event(answer({"text": "b"}, finish="STOP", **usage))
    found = reader()
    found.feed(sent)
    assert list(found.telling) == [sent[-1]]
    found.feed([ended])
    assert list(found.telling) == [ended]
    found.feed([after := event(usage)])
    assert list(found.telling) == [ended, after]
    found.feed([last := event(usage)])
    assert list(found.telling) == [ended, last]


def test_the_events_that_told_something_are_in_their_order():
    ended, counted = event(answer({"text": "a"}, finish="STOP")), event({"usageMetadata": {"promptTokenCount": 5}})
    for batch in ([ended, counted], [counted, ended]):
        found = reader()
        found.feed(batch)
        assert list(found.telling) == batch


def test_marks_in_every_event_are_not_kept_for_ever():
    Counted.decoded = 0
    found = reader()
    for _ in range(MOST_MARKED + 1):
        found.feed([Counted(event(answer({"text": "a"}, finish="STOP")).raw)])
    assert Counted.decoded == MOST_MARKED + 1


def test_numbers_of_an_earlier_event_stay():
    found = read(
        answer({"text": "a"}, usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 1}),
        answer({"text": "b"}, finish="STOP", usageMetadata={}),
    )
    assert (found.tokens.input, found.tokens.output) == (5, 1)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("STOP", "stop"), ("stop", "stop"), ("MAX_TOKENS", "length"), ("CONTINUATION", "length"), ("OTHER", "stop"), ("NEW", "stop"),
     ("FINISH_REASON_UNSPECIFIED", ""), ("", ""),
     *((reason, "content_filter") for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
                                                 "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "LANGUAGE", "MODEL_ARMOR"))],
)  # fmt: skip
@pytest.mark.parametrize("streaming", [True, False])
def test_why_an_answer_ended(reason, finish, streaming):
    found = read(answer({"text": "a"}, finish=reason), streaming=streaming)
    assert (found.finish, found.complete, found.error) == (finish, bool(finish), "")


@pytest.mark.parametrize(
    "reason",
    [
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    ],
)
def test_a_call_that_went_wrong_is_an_error_and_no_empty_answer(reason):
    found = read(answer(finish=reason))
    assert (found.finish, found.error, found.complete) == ("error", reason, False)
    told = read({"candidates": [candidate(finish=reason, finishMessage="Malformed: f(")]}, streaming=False)
    assert told.error == "Malformed: f("


def test_a_candidate_that_calls_ends_with_stop():
    call = {"functionCall": {"name": "f", "args": {}}}
    assert read(answer(call), answer({"text": ""}, finish="STOP")).finish == "tool_calls"
    assert read(answer(call, finish="STOP"), streaming=False).finish == "tool_calls"
    assert read(answer(call), answer(finish="MAX_TOKENS")).finish == "length"
    assert read(answer({"text": 'say "functionCall"'}), answer(finish="STOP")).finish == "stop"


def test_calls_in_one_event_and_in_several():
    def call(name, **rest):
        return {"functionCall": {"name": name, **rest}}

    found = read(answer(call("f", args={"a": "é"}, id="1"), call("f", args={})), answer(call("g")))
    assert found.calls == [ToolCall("f", '{"a":"é"}', "1"), ToolCall("f", "{}"), ToolCall("g", "{}")]


@pytest.mark.parametrize("streaming", [True, False])
def test_a_blocked_prompt_is_a_complete_answer(streaming):
    found = read(
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}, streaming=streaming
    )
    assert (found.finish, found.complete, found.text, found.tokens.input) == ("content_filter", True, "", 9)
    assert not read({"promptFeedback": {"safetyRatings": []}}, streaming=streaming).complete


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("streaming", [True, False])
def test_errors_in_an_answer(streaming, wrapped):
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    found = read(
        *([answer({"text": "a"}, finish="STOP")] if streaming else []),
        [error] if wrapped else error,
        streaming=streaming,
    )
    assert (found.error, found.complete) == ("overloaded", False)


def test_each_candidate_has_to_end():
    first, second = candidate({"text": "a"}, finish="STOP"), candidate({"text": "b"}, finish="STOP", index=1)
    assert not read({"candidates": [first]}, choices=2).complete
    assert read({"candidates": [first]}, {"candidates": [second]}, choices=2).complete
    assert read({"candidates": [first, second]}, streaming=False, choices=2).text == "ab"


def test_a_stream_without_events_is_an_array():
    found = read(STREAMED, streaming=False)
    assert (found.text, found.reasoning, found.finish, found.complete) == ('Hello]"', "hm", "stop", True)
    assert (found.tokens.input, found.tokens.output, found.model) == (4, 3, "m")


@pytest.mark.parametrize("separator", [b",", b",\r\n", b" ,\n"])
def test_an_array_that_was_cut_off_gives_what_came(separator):
    raw = b"[" + separator.join(json.dumps(each).encode() for each in STREAMED) + b"]"
    for length in range(len(raw)):
        found = reader(streaming=False)
        found.feed([Chunk(piece, piece) for piece in (raw[:7], raw[7:length])] if length > 7 else [Chunk(raw[:length])])
        assert not found.complete
        assert 'Hello]"'.startswith(found.text)
    assert (found.text, found.tokens.output, found.finish) == ('Hello]"', 3, "stop")


any_answer = fields(
    candidates=st.lists(anything | fields(content=any_content, finishReason=texts, index=st.integers(0, 2))),
    promptFeedback=fields(blockReason=texts), usageMetadata=fields(promptTokenCount=st.integers()), error=fields(message=texts),
)  # fmt: skip


@given(st.lists(anything | any_answer, max_size=4), st.booleans())
def test_an_answer_of_any_json_is_read(bodies, streaming):
    found = read(*bodies, streaming=streaming) if streaming else read(bodies, streaming=False)
    assert isinstance(found.text + found.reasoning + found.finish + found.error + found.model, str)
    assert found.calls is not None and found.tokens is not None and found.complete in (True, False)
    for body in bodies:
        GEMINI.write(event(body), "other")
        with contextlib.suppress(ValueError):
            list(GEMINI.events(json.dumps(body).encode(), usage=True))
    with contextlib.suppress(ValueError):
        GEMINI.whole(map(event, bodies))


# Rewriting


def test_an_event_gets_another_text():
    chunk = event(
        answer(
            {"text": "hm", "thought": True},
            {"text": "se", "thoughtSignature": "eA=="},
            {"text": "cret", "thoughtSignature": "eA=="},
            finish="STOP",
        )
    )
    changed = GEMINI.write(chunk, "***")
    assert changed.raw.startswith(b"data: {") and changed.raw.endswith(b"}\n\n")
    assert changed.json() == answer({"text": "hm", "thought": True}, {"text": "***"}, finish="STOP")
    assert GEMINI.write(chunk, "secret") is chunk


@pytest.mark.parametrize(
    "body",
    [
        answer({"text": ""}, finish="STOP"),
        answer({"functionCall": {"name": "f"}}),
        {"usageMetadata": {}},
        {"candidates": []},
        [],
        5,
    ],
)
def test_an_event_without_text_stays_as_it_is(body):
    chunk = event(body)
    assert GEMINI.write(chunk, "x") is chunk


def test_a_plain_body_and_an_array_get_another_text():
    data = json.dumps(answer({"text": "secret"})).encode()
    changed = GEMINI.write(Chunk(data, data), "***")
    assert json.loads(changed.raw) == answer({"text": "***"})
    assert changed.raw is changed.data
    data = json.dumps([answer({"text": "sec"}), answer({"text": "ret"}, finish="STOP")]).encode()
    assert json.loads(GEMINI.write(Chunk(data, data), "***").raw) == [
        answer({"text": "***"}),
        answer({"text": ""}, finish="STOP"),
    ]


# Answers and errors of ours


def written(answers, target=STREAM):
    """The events of answers, each text in two pieces."""
    writer = GEMINI.writer(said("hi", target), "id1", 1)
    usage = Tokens(input=7, cache_read=2, output=5, reasoning=1, source="reported")
    raw = []
    for index, each in enumerate(answers):
        raw += writer.opening(index, each.call)
        for piece in (each.text[:2], each.text[2:]):
            raw += writer.piece(index, piece, each.call)
        raw += writer.closing(index, each)
    return b"".join([*raw, *writer.end(usage)]), writer.whole(answers, usage)


@pytest.mark.parametrize(
    ("given", "text", "calls", "finish"),
    [
        (Answer("Hello"), "Hello", [], "stop"),
        (Answer("Hello", "length"), "Hello", [], "length"),
        (Answer("", "content_filter"), "", [], "content_filter"),
        (Answer('{"a":1}', "tool_calls", ToolCall("f", "", "c1")), "", [ToolCall("f", '{"a":1}', "c1")], "tool_calls"),
        (Answer("", "stop", ToolCall("f", "")), "", [ToolCall("f", "{}")], "tool_calls"),
        (Answer('{"a":', "length", ToolCall("f", "")), "", [], "length"),
    ],
)
def test_an_answer_of_ours_is_read_back(given, text, calls, finish):
    events, whole = written([given])
    assert bare(events)
    streamed, plain = reader(), reader(streaming=False)
    streamed.feed(EventSplitter().feed(events))
    plain.feed([Chunk(whole, whole)])
    for found in (streamed, plain):
        assert (found.text, found.calls, found.finish, found.complete) == (text, calls, finish, True)
        assert found.tokens == Tokens(input=7, cache_read=2, output=5, reasoning=1, source="reported")
        assert found.model == "gemini-2.5-flash"


def test_several_answers_of_ours():
    events, whole = written([Answer("one"), Answer("two")])
    found = reader(choices=2)
    found.feed(EventSplitter().feed(events))
    assert found.complete
    assert json.loads(GEMINI.whole(EventSplitter().feed(events)))["candidates"] == json.loads(whole)["candidates"]


def test_an_array_is_answered_with_an_array():
    _, whole = written([Answer("Hello")], ARRAY)
    assert json.loads(whole)[0]["candidates"][0]["content"]["parts"] == [{"text": "Hello"}]


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (402, "FAILED_PRECONDITION"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"),
     (413, "INVALID_ARGUMENT"), (418, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (502, "UNAVAILABLE"),
     (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"), (520, "INTERNAL"), (529, "UNAVAILABLE")],
)  # fmt: skip
def test_errors_in_geminis_shape(status, name):
    error = GatewayError(status, "no \udcff")
    expected = {"error": {"code": status, "message": "no �", "status": name}}
    assert json.loads(GEMINI.error(error, "r")) == expected
    assert GEMINI.error_event(error, "r") == GEMINI.error(error, "r") + b"\n"
    assert read(json.loads(GEMINI.error(error, "r"))).error == "no �"


def test_no_event_says_that_a_stream_ended():
    events = EventSplitter().feed("".join(wire("answer-gemini-text")["chunks"]).encode())
    assert isinstance(events, Burst)
    assert not GEMINI.is_last(events)

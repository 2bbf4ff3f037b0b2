"""Answers of OpenAI Responses: streams that real clients took, read whole, byte by byte and cut short."""

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
from aigw.dialects.openai_responses import OpenAIResponses, ResponsesReader
from aigw.dialects.sse import EventSplitter

WIRE = Path(__file__).parent / "wire"
RESPONSES = OpenAIResponses()
ASKED = RESPONSES.asked(Request("POST", "/v1/responses", "", CIMultiDict()), apis.RESPONSES)


def answered(name):
    return "".join(json.loads((WIRE / f"{name}.json").read_bytes())["chunks"]).encode()


def split(raw):
    return list(EventSplitter().feed(raw))


def events(*bodies, named=True, **dump):
    lines = [f"event: {body['type']}\n" if named else "" for body in bodies]
    raw = "".join(f"{line}data: {json.dumps(body, **dump)}\n\n" for line, body in zip(lines, bodies, strict=True))
    return split(raw.encode())


def read(*batches):
    reader = RESPONSES.reader(ASKED, streaming=True)
    for batch in batches:
        reader.feed(batch)
    return reader


def read_plain(body):
    reader = RESPONSES.reader(ASKED, streaming=False)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reader.feed([Chunk(data, data)])
    return reader


def told(reader):
    return (reader.text, reader.reasoning, reader.calls, reader.finish)


USAGE = Tokens(input=18, cache_read=5, cache_write=0, output=9, reasoning=3, source="reported")
PROGRAM = 'const r = await tools.exec_command({cmd:"ls"}); text(JSON.stringify(r));'
PATCH = "*** Begin Patch\n*** Add File: new.txt\n+hi\n*** End Patch"
ANSWERS = {
    "answer-responses-text": ("RECORDED", "", [], "stop"),
    "answer-responses-function": (
        "",
        "I think.",
        [ToolCall("exec_command", '{"cmd": "ls"}', "call_rec1")],
        "tool_calls",
    ),
    "answer-responses-custom": ("", "", [ToolCall("apply_patch", PATCH, "call_rec1")], "tool_calls"),
    "answer-responses-code-mode": ("", "", [ToolCall("exec", PROGRAM, "call_rec1")], "tool_calls"),
    "answer-responses-least": ("RECORDED", "", [], "stop"),
}
TOLD = [name for name in ANSWERS if name != "answer-responses-least"]
"""Answers that tell usage and a model."""


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
        assert (reader.tokens, reader.model) == ((USAGE, "m") if name in TOLD else (Tokens(), ""))
        assert reader.complete and reader.error == "" and reader.size == len(raw) and not reader.usage.beside


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_cut_short_is_not_complete_but_tells_what_came(name):
    """What a client got that left early is what it is charged for."""
    whole = split(answered(name))
    text, reasoning, calls, _ = ANSWERS[name]
    made = text + reasoning + "".join(call.arguments for call in calls)
    so_far = ""
    for length, event in enumerate(whole):
        reader = read(whole[:length])
        assert not reader.complete
        assert reader.text + reader.reasoning + "".join(call.arguments for call in reader.calls) == so_far
        so_far += event.json().get("delta", "")
        if name not in TOLD and length == 0:
            so_far = made
    assert so_far == made


def test_a_call_that_was_only_begun_has_its_name():
    whole = split(answered("answer-responses-function"))
    begun = next(place for place, event in enumerate(whole) if b'"call_id"' in event.raw)
    assert read(whole[: begun + 1]).calls == [ToolCall("exec_command", "", "call_rec1")]


@pytest.mark.parametrize("name", ANSWERS)
def test_only_events_that_tell_something_are_decoded_as_they_go_by(name):
    batch = split(answered(name))
    reader = read(batch)
    decoded = [event for event in batch if event.is_read]
    kinds = {event.json()["type"] for event in decoded}
    assert kinds <= {"response.output_item.added", "response.output_item.done", "response.completed"}
    assert list(reader.telling) == decoded


HEAD = {
    "id": "resp_1",
    "object": "response",
    "model": "m",
    "status": "in_progress",
    "error": None,
    "usage": None,
    "output": [],
}
CREATED = {"type": "response.created", "response": HEAD}
DONE = {"type": "response.completed", "response": {**HEAD, "status": "completed"}}
SAYS = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "whole"}]}


def delta(text, kind="output_text", index=0, id="i", **more):
    return {"type": f"response.{kind}.delta", "output_index": index, "item_id": id, "delta": text, **more}


def item(item, what="done", index=0):
    return {"type": f"response.output_item.{what}", "output_index": index, "item": item}


def test_null_errors_and_usage_are_not_worth_decoding():
    batch = events(CREATED, {**CREATED, "type": "response.in_progress"}, separators=(",", ":"))
    read(batch)
    assert not [event for event in batch if event.is_read]


@pytest.mark.parametrize("dump", [{"separators": (",", ":")}, {}, {"separators": (", ", " : ")}])
@pytest.mark.parametrize("named", [True, False])
def test_white_space_and_event_lines_do_not_matter(dump, named):
    reader = read(events(CREATED, delta("x"), DONE, named=named, **dump))
    assert reader.complete and told(reader) == ("x", "", [], "stop") and reader.model == "m"


def test_marks_inside_a_text_are_none():
    batch = events(delta('{"type": "error", "error": {}} "response.completed" "function_call" '))
    reader = read(batch)
    assert not [event for event in batch if event.is_read]
    assert reader.error == "" and not reader.complete and not RESPONSES.is_last(batch)


# Errors and ends


FAILED = {
    "type": "response.failed",
    "response": {"id": "r", "status": "failed", "error": {"code": "server_error", "message": "broke"}},
}


@pytest.mark.parametrize(
    "body, message, finish",
    [
        (FAILED, "broke", "error"),
        ({"type": "response.failed", "response": {}}, "error", "error"),
        ({"type": "error", "code": "c", "message": "broke", "param": None}, "broke", ""),
        ({"type": "error", "error": {"message": "broke"}}, "broke", ""),
    ],
)
def test_an_error_in_mid_stream(body, message, finish):
    for dump in ({}, {"separators": (",", ":")}):
        reader = read(events(CREATED, delta("x"), body, **dump))
        assert (reader.error, reader.complete, reader.text, reader.finish) == (message, False, "x", finish)


def test_an_error_as_chat_has_it():
    assert read(split(b'data: {"error":{"message":"broke"}}\n\n')).error == "broke"


@pytest.mark.parametrize(
    "details, finish",
    [({"reason": "max_output_tokens"}, "length"), ({"reason": "content_filter"}, "content_filter"), (None, "length")],
)
def test_what_is_incomplete_has_come_to_its_end(details, finish):
    response = {**HEAD, "status": "incomplete", "incomplete_details": details, "output": [SAYS]}
    for reader in (read(events(CREATED, {"type": "response.incomplete", "response": response})), read_plain(response)):
        assert (reader.complete, reader.finish, reader.error, reader.text) == (True, finish, "", "whole")


@pytest.mark.parametrize("status", ["in_progress", "queued", None])
def test_a_plain_answer_that_has_not_ended(status):
    reader = read_plain({**HEAD, "status": status})
    assert not reader.complete and reader.finish == ""


CANCELLED = {**HEAD, "status": "cancelled"}


@pytest.mark.parametrize("response", [CANCELLED, {}], ids=["whole", "none"])
def test_a_response_that_was_cancelled_has_failed(response):
    event = {"type": "response.cancelled", **({"response": response} if response else {})}
    for reader in (read(events(CREATED, delta("x"), event)), read_plain(CANCELLED)):
        assert (reader.error, reader.finish) == ("the response was cancelled", "error")
        assert reader.ended and not reader.complete and not (reader.usable and not reader.streaming)
    assert RESPONSES.is_last(events(event)) and not RESPONSES.opens(events(event)[0])


@pytest.mark.parametrize("output", [[], None])
def test_a_response_that_is_complete_without_output_is_none(output):
    done = {"type": "response.completed", "response": {**HEAD, "status": "completed", "output": output}}
    assert not read(events(CREATED, done)).complete
    assert not read_plain(done["response"]).complete
    assert not read_plain(done["response"]).usable
    assert read(events(CREATED, delta("x"), done)).complete


@pytest.mark.parametrize(
    ("body", "usable"),
    [
        ({**HEAD, "status": "completed", "output": [SAYS]}, True),
        ({**HEAD, "status": "queued"}, True),
        ({**HEAD, "status": "in_progress"}, True),
        ({**HEAD, "status": "incomplete"}, True),
        ({**HEAD, "status": "completed", "output": [{}]}, False),
        ({"id": "r", "object": "response", "status": "completed"}, False),
        ({"id": "r", "choices": [{"message": {"content": "a"}}]}, False),
        ({"id": "r"}, False),
    ],
)
def test_what_of_a_plain_answer_can_be_used(body, usable):
    assert read_plain(body).usable == usable


def test_plain_errors():
    assert (reader := read_plain({"error": {"message": "no", "code": "c"}})).error == "no" and not reader.complete
    assert (
        (reader := read_plain(FAILED["response"])).error == "broke" and reader.finish == "error" and not reader.complete
    )


@pytest.mark.parametrize("name", ANSWERS)
def test_a_plain_answer(name):
    reader = read_plain(RESPONSES.whole(split(answered(name))))
    assert told(reader) == ANSWERS[name] and reader.complete
    assert (reader.tokens, reader.model) == ((USAGE, "m") if name in TOLD else (Tokens(), ""))


# Calls, texts and reasoning


CALL = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
EMPTY_CALL = {**CALL, "arguments": ""}
ARGUMENTS = {
    "type": "response.function_call_arguments.done",
    "output_index": 0,
    "item_id": "fc",
    "arguments": '{"a":1}',
}


@pytest.mark.parametrize(
    "bodies",
    [
        [item(EMPTY_CALL, "added"), delta('{"a"', "function_call_arguments", id="fc"), delta(":1}", "function_call_arguments", id="fc"), ARGUMENTS, item(CALL)],
        [item(EMPTY_CALL, "added"), ARGUMENTS, item(CALL)],
        [item(EMPTY_CALL, "added"), item(CALL)],
        [item(CALL)],
        [],
    ],
)  # fmt: skip
def test_however_a_call_comes_it_comes_once(bodies):
    end = {"type": "response.completed", "response": {**HEAD, "output": [CALL]}}
    reader = read(events(CREATED, *bodies, end))
    assert reader.calls == [ToolCall("f", '{"a":1}', "c")] and reader.finish == "tool_calls"
    if bodies:
        cut = read(events(*bodies, DONE))
        assert cut.calls == reader.calls and cut.finish == "tool_calls"


PART = {
    "type": "response.content_part.done",
    "output_index": 0,
    "item_id": "i",
    "content_index": 0,
    "part": SAYS["content"][0],
}
TEXT = {"type": "response.output_text.done", "output_index": 0, "item_id": "i", "content_index": 0, "text": "whole"}


@pytest.mark.parametrize(
    "bodies",
    [
        [delta("who", content_index=0), delta("le", content_index=0), TEXT, PART, item(SAYS)],
        [TEXT, PART, item(SAYS)],
        [PART, item(SAYS)],
        [item(SAYS)],
        [],
    ],
)
def test_however_a_text_comes_it_comes_once(bodies):
    end = {"type": "response.completed", "response": {**HEAD, "output": [SAYS]}}
    assert read(events(*bodies, end)).text == "whole"
    for number in range(1, len(bodies) + 1):
        assert "whole".startswith(read(events(*bodies[:number])).text)


@pytest.mark.parametrize(
    "body", [TEXT, PART, item(SAYS), {"type": "response.completed", "response": {"output": [SAYS]}}]
)
def test_each_event_that_repeats_the_text_tells_it(body):
    assert read(events(body)).text == "whole"


def test_two_parts_of_one_item_that_have_no_deltas():
    assert read(events(TEXT, {**TEXT, "content_index": 1, "text": " and more"}, item(SAYS))).text == "whole and more"


def test_a_refusal_is_text():
    refusal = {**SAYS, "content": [{"type": "refusal", "refusal": "no"}]}
    assert read(events(delta("n", "refusal"), delta("o", "refusal"), item(refusal))).text == "no"
    assert read_plain({**HEAD, "output": [refusal]}).text == "no"


def test_calls_whose_pieces_come_interleaved():
    first, second = (
        {**EMPTY_CALL, "id": "a", "call_id": "1"},
        {**EMPTY_CALL, "id": "b", "call_id": "2", "type": "custom_tool_call"},
    )
    for places in ((0, 1), (0, 0)):  # some providers say 0 each time
        pieces = [
            delta(text, "function_call_arguments", places[which], "ab"[which])
            for which, text in ((0, "[0"), (1, "[1"), (0, "]"), (1, "]"))
        ]
        reader = read(events(item(first, "added", places[0]), item(second, "added", places[1]), *pieces))
        assert reader.calls == [ToolCall("f", "[0]", "1"), ToolCall("f", "[1]", "2")]


def test_reasoning_of_both_kinds():
    thought = {
        "type": "reasoning",
        "id": "i",
        "summary": [{"text": "a"}],
        "content": [{"type": "reasoning_text", "text": "b"}],
    }
    deltas = [delta("a", "reasoning_summary_text", summary_index=0), delta("b", "reasoning_text", content_index=0)]
    for reader in (
        read(events(*deltas, item(thought))),
        read(events(item(thought))),
        read_plain({**HEAD, "output": [thought]}),
    ):
        assert (reader.reasoning, reader.text) == ("ab", "")


def test_a_call_that_the_provider_carried_out_is_no_reason_to_stop():
    search = {"type": "web_search_call", "id": "w", "action": {"query": "q"}}
    reader = read(events(item(search), DONE))
    assert reader.finish == "stop" and reader.calls == [ToolCall("web_search", '{"query":"q"}', "w")]


# Any event


@pytest.mark.parametrize(
    "batch, last",
    [
        (events(CREATED), False), (events(delta("x"), DONE), True), (events(DONE) + split(b"data: [DONE]\n\n"), True), (events(FAILED), True),
        (events({"type": "response.incomplete", "response": {}}), True), (split(b": ping\n\n"), False), ([], False),
        (events({"type": "other", "x": "response.completed"}), False),
    ],
)  # fmt: skip
def test_the_last_event(batch, last):
    assert RESPONSES.is_last(batch) == last


def test_our_error_in_mid_stream_is_read_as_one():
    batch = split(RESPONSES.error_event(GatewayError(502, "broke"), "r"))
    reader = read(events(CREATED, delta("x")), batch)
    assert (reader.error, reader.complete, reader.finish) == ("broke", False, "error") and RESPONSES.is_last(batch)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["message", "reasoning", "function_call", "custom_tool_call", "shell_call", "output_text", "refusal", "error", "completed", "failed",
     "response.created", "response.completed", "response.failed", "response.output_item.added", "response.output_item.done",
     "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.function_call_arguments.delta",
     "response.custom_tool_call_input.done", "response.reasoning_text.delta", "response.refusal.delta"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "item", "part", "response", "output", "content", "text", "delta", "refusal", "status", "error", "usage", "model", "output_index",
     "content_index", "item_id", "id", "name", "arguments", "input", "summary", "incomplete_details", "message", "logprobs", "annotations"]
)  # fmt: skip
LIKELY = st.recursive(
    JSON | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)


@given(st.lists(st.dictionaries(NAMES, LIKELY, max_size=7), max_size=4), st.booleans())
def test_any_json_can_be_read(bodies, streaming):
    reader = ResponsesReader(streaming=streaming)
    for body in bodies:
        data = json.dumps(body).encode()
        reader.feed(split(b"data: " + data + b"\n\n") if streaming else [Chunk(data, data)])
    assert isinstance(reader.text, str) and isinstance(reader.reasoning, str) and isinstance(reader.error, str)
    assert all(isinstance(part, str) for call in reader.calls for part in call)
    assert reader.complete in (True, False) and reader.tokens is not None and isinstance(reader.model, str)

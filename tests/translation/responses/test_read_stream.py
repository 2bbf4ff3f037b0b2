"""The stream of a provider that speaks OpenAI's Responses API."""

import json
from pathlib import Path

import pytest
from translating import frame, read

from aigw.core.tokens import Tokens
from aigw.dialects.sse import EventSplitter
from aigw.translation.envelope import opened
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.responses.read_stream import ResponsesStreamReader
from aigw.translation.rules import Rules

WIRE = Path(__file__).parents[2] / "dialects" / "wire"
USAGE = {
    "input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 12,
}  # fmt: skip
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
TEXT = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
DONE = (Finished("stop"), Ended())


def reader():
    return ResponsesStreamReader(frame(rules=Rules(maker="openai")))


def events(*bodies):
    return read(reader(), *({**body, "type": f"response.{body['type']}"} for body in bodies))


def completed(*output, **more):
    return {"type": "completed", "response": {"status": "completed", "output": list(output), **more}}


def item(what, given, index=0):
    return {"type": f"output_item.{what}", "output_index": index, "item": given}


def test_what_openai_sends():
    data = "".join(json.loads((WIRE / "answer-responses-function.json").read_text())["chunks"]).encode()
    it = reader()
    found = [event for chunk in EventSplitter().feed(data) for event in it.feed(chunk)]
    state = found.pop(2)
    assert json.loads(opened(state.state, "openai")) == ["rs_rec1", "gAAAAAenc"]
    assert found == [
        Started("resp_rec1", "m"), ThinkingDelta("I think."),
        CallStart(1, "call_rec1", "exec_command"), CallDelta(1, '{"cmd"'), CallDelta(1, ': "ls"}'), CallEnd(1),
        Counted(Tokens(input=18, cache_read=5, cache_write=0, output=9, reasoning=3, source="reported")), *DONE,
    ]  # fmt: skip


def test_a_stream_is_the_same_however_it_is_cut():
    data = "".join(json.loads((WIRE / "answer-responses-code-mode.json").read_text())["chunks"]).encode()

    def found(cut):
        splitter, it = EventSplitter(), reader()
        chunks = [*splitter.feed(data[:cut]), *splitter.feed(data[cut:])]
        return [event for chunk in chunks for event in it.feed(chunk)]

    whole = found(0)
    assert whole[1] == CallStart(0, "call_rec1", "exec", custom=True)
    assert all(found(cut) == whole for cut in range(1, len(data), 7))


def test_items_without_deltas():
    """Gitlawb/openclaude#1259: the arguments may come in the last event of an item only."""
    told = [TextDelta("hi"), CallStart(1, "c1", "f"), CallDelta(1, '{"a":1}'), CallEnd(1), *DONE]
    assert events(item("done", TEXT), item("done", CALL, 1), completed()) == told
    assert events(completed(TEXT, CALL)) == told
    done = {"type": "function_call_arguments.done", "output_index": 1, "item_id": "fc_1", "arguments": '{"a":1}'}
    assert events(item("added", {**CALL, "arguments": ""}, 1), done, item("done", CALL, 1), completed(CALL)) == told[1:]


def test_nothing_is_told_twice():
    given = [
        item("added", {**TEXT, "content": []}),
        {"type": "output_text.delta", "output_index": 0, "item_id": "msg_1", "content_index": 0, "delta": "hi"},
        {"type": "output_text.done", "output_index": 0, "item_id": "msg_1", "content_index": 0, "text": "hi"},
        item("done", TEXT), completed(TEXT),
    ]  # fmt: skip
    assert events(*given) == [TextDelta("hi"), *DONE]
    bare = [{name: value for name, value in body.items() if name != "output_index"} for body in given]
    assert events(*bare) == [TextDelta("hi"), *DONE]


def test_refusals_citations_and_custom_tools():
    cited = {"type": "url_citation", "url": "https://x", "title": "X"}
    refused = {
        **TEXT,
        "content": [{"type": "refusal", "refusal": "no"}, {"type": "output_text", "text": "a", "annotations": [cited]}],
    }
    custom = {"type": "custom_tool_call", "id": "ctc", "call_id": "c", "name": "exec", "input": "ls"}
    assert events(completed(refused, custom)) == [
        TextDelta("no", refusal=True), TextDelta("a"), Citation("https://x", "X"),
        CallStart(1, "c", "exec", custom=True), CallDelta(1, "ls"), CallEnd(1), *DONE,
    ]  # fmt: skip


def test_reasoning_in_parts_and_without_text():
    def delta(kind, part, text):
        return {"type": f"{kind}.delta", "output_index": 0, "item_id": "rs", "summary_index": part, "delta": text}

    given = [
        delta("reasoning_summary_text", 0, "a"),
        delta("reasoning_text", 0, "full"),
        delta("reasoning_summary_text", 1, "b"),
    ]
    thought = {"type": "reasoning", "id": "rs", "summary": []}
    assert events(*given, item("done", thought)) == [ThinkingDelta("a"), ThinkingDelta("\n\nb"), ThinkingState("")]
    (hidden,) = events(item("done", {**thought, "encrypted_content": "S"}))
    assert hidden.redacted and hidden.state
    assert events(item("done", thought)) == []


@pytest.mark.parametrize(
    ("details", "reason"),
    [({"reason": "max_output_tokens"}, "length"), ({"reason": "content_filter"}, "content_filter"), (None, "length")],
)
def test_an_answer_that_was_cut(details, reason):
    """A cut answer has no normal end."""
    assert events({"type": "incomplete", "response": {"incomplete_details": details, "usage": USAGE}})[1:] == [
        Finished(reason), Ended(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {
            "type": "response.failed",
            "response": {"status": "failed", "error": {"code": "server_error", "message": "busy"}},
        },
        {"type": "response.completed", "response": {"error": {"message": "busy"}}},
        {"type": "error", "message": "busy"},
        {"error": {"message": "busy"}},
    ],
)
def test_failures(body):
    """BerriAI/litellm#32475."""
    (event,) = read(reader(), body)
    assert isinstance(event, Failed) and event.failure.message == "busy"


@pytest.mark.parametrize(
    "body",
    [
        "1",
        "[]",
        {},
        {"type": 7},
        {"type": "response.completed"},
        {"type": "response.output_item.done", "item": {"type": "message", "content": [1, {}]}},
    ],
)
def test_odd_events(body):
    assert [event for event in read(reader(), body) if not isinstance(event, Finished | Ended)] == []


def test_what_tools_of_the_provider_have_left_is_noted():
    given = frame(rules=Rules(maker="openai"))
    done = {"id": "r", "status": "completed", "output": [{"type": "web_search_call", "id": "ws"}, TEXT]}
    found = read(ResponsesStreamReader(given), {"type": "response.completed", "response": done})
    assert (TextDelta("hi") in found, given.notes.lost) == (True, ["answer: web_search_call"])

"""A stream of Anthropic's Messages API."""

from any_json import anything, fields
from hypothesis import given
from hypothesis import strategies as st
from translating import frame, read

from aigw.core.tokens import Tokens
from aigw.dialects.sse import Event
from aigw.dialects.typed_event import typed_event
from aigw.translation.anthropic.read_stream import MessagesReader
from aigw.translation.envelope import sealed
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
from aigw.translation.rules import Rules

START = {"type": "message_start", "message": {"id": "msg_1", "model": "c", "content": [], "usage": {
    "input_tokens": 10, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 5, "output_tokens": 1}}}  # fmt: skip


def reader():
    return MessagesReader(frame(rules=Rules(maker="claude")))


def events(*bodies):
    return read(reader(), *bodies)


def begin(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, **delta):
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index):
    return {"type": "content_block_stop", "index": index}


def end(reason, stopped=None, **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": stopped}, "usage": usage}


def test_a_whole_answer():
    """maximhq/bifrost#5354: the last numbers count, those that are not told again stay."""
    assert events(
        START, {"type": "ping"},
        begin(0, type="thinking", thinking="", signature=""), delta(0, type="thinking_delta", thinking="hm"),
        delta(0, type="signature_delta", signature="sig"), stop(0),
        begin(1, type="text", text=""), delta(1, type="text_delta", text="yo"), stop(1),
        begin(2, type="tool_use", id="t", name="f", input={}), delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"a":'), delta(2, type="input_json_delta", partial_json="1}"), stop(2),
        end("tool_use", output_tokens=9), {"type": "message_stop"},
    ) == [
        Started("msg_1", "c", Tokens(input=10, cache_read=20, cache_write=5, output=1, source="reported")),
        Counted(Tokens(input=10, cache_read=20, cache_write=5, output=1, source="reported")),
        ThinkingDelta("hm"), ThinkingState(sealed("claude", "sig")), TextDelta("yo"),
        CallStart(2, "t", "f"), CallDelta(2, '{"a":'), CallDelta(2, "1}"), CallEnd(2),
        Counted(Tokens(input=10, cache_read=20, cache_write=5, output=9, source="reported")),
        Finished("tool_calls"), Ended(),
    ]  # fmt: skip


def test_input_that_stands_in_the_start_of_a_call():
    assert events(begin(0, type="tool_use", id="t", name="f", input={"a": 1}), stop(0)) == [
        CallStart(0, "t", "f"), CallDelta(0, '{"a":1}'), CallEnd(0),
    ]  # fmt: skip


def test_reasoning_without_a_signature_has_no_state():
    assert events(begin(0, type="thinking", thinking="a"), stop(0)) == [ThinkingDelta("a"), ThinkingState("")]


def test_redacted_reasoning():
    assert events(begin(0, type="redacted_thinking", data="d"), stop(0)) == [
        ThinkingState(sealed("claude", "d"), redacted=True)
    ]


def test_reasons():
    found = {
        reason: events(end(reason))[-1].reason
        for reason in ("end_turn", "max_tokens", "model_context_window_exceeded", "refusal", "pause_turn", "new")
    }
    assert found == {
        "end_turn": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
        "refusal": "content_filter", "pause_turn": "stop", "new": "stop",
    }  # fmt: skip
    assert events(end("stop_sequence", "###"))[-1] == Finished("stop", "###")


def test_blocks_of_the_providers_own_tools_are_noted():
    given = frame()
    given_reader = MessagesReader(given)
    search = begin(0, type="server_tool_use", id="s", name="web_search", input={"query": "x"})
    assert (
        read(given_reader, search, delta(0, type="input_json_delta", partial_json="{}"), stop(0), end("pause_turn"))[
            :-2
        ]
        == []
    )
    assert given.notes.lost == ["answer: server_tool_use", "answer: pause_turn"]


def test_citations():
    web = {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "x"}
    place = {"type": "char_location", "document_title": "D", "cited_text": "x"}
    cited = [delta(0, type="citations_delta", citation=each) for each in (web, place)]
    assert events(begin(0, type="text", text=""), *cited) == [Citation("https://a", "A")]


def test_a_failure_in_the_stream():
    """agent-os#2118, Marinara-Engine#2659: it is no short answer."""
    (failed,) = events({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert isinstance(failed, Failed)
    assert (failed.failure.status, failed.failure.message) == (529, "Overloaded")


@given(st.lists(
    fields(
        type=st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error"]),
        index=st.integers(0, 2), message=fields(usage=anything), usage=anything, error=anything,
        content_block=fields(type=st.sampled_from(["text", "thinking", "tool_use"]), text=anything, input=anything, id=anything),
        delta=fields(type=st.sampled_from(["text_delta", "input_json_delta", "citations_delta"]), text=anything, partial_json=anything, citation=anything, stop_reason=anything),
    ), max_size=5,
))  # fmt: skip
def test_no_event_raises(bodies):
    given = reader()
    for body in bodies:
        given.feed(typed_event(body))
    given.feed(Event(b"event: error\ndata: so\n\n"))
    given.end()


def test_why_the_model_refused():
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    end = {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}, "usage": {}}
    found = events(START, end)
    assert TextDelta("No.", refusal=True) in found and found[-1] == Finished("content_filter")

"""Events as a stream of Gemini."""

import pytest
from translating import frame, write

from aigw.core.tokens import Tokens
from aigw.dialects.gemini import Gemini
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.gemini.write_stream import ContentWriter
from aigw.translation.hub import Reasoning

END = (Finished("stop"), Ended())
CALL = (CallStart(0, "c1", "f"), CallDelta(0, '{"a"'), CallDelta(0, ": 1}"), CallEnd(0))


def written(*events, shown=True):
    return write(ContentWriter(frame(reasoning=Reasoning(shown=shown))), *events)


def parts(*events, **how):
    """The parts of an answer's only candidate, without the empty one of the end."""
    bodies = written(*events, *END, **how)
    return [part for body in bodies for part in body["candidates"][0]["content"]["parts"] if part != {"text": ""}]


def test_an_answer():
    tokens = Tokens(input=5, cache_read=4, output=196, reasoning=190, source="reported")
    first, second, last = written(
        Started("x", "m1"), TextDelta("a"), TextDelta("b"), Counted(tokens), Finished("stop"), Ended()
    )
    head = {"modelVersion": "m1", "responseId": "1"}
    assert first == {"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}, "index": 0}], **head}
    assert second["candidates"][0]["content"]["parts"] == [{"text": "b"}]
    assert last["candidates"] == [
        {"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0, "finishReason": "STOP"}
    ]
    assert last["usageMetadata"] == {
        "promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 6, "thoughtsTokenCount": 190,
        "totalTokenCount": 205,
    }  # fmt: skip


def test_streams_have_nothing_but_data_lines():
    """google-genai dies of a comment, of an `event:` line and of [DONE]."""
    writer = ContentWriter(frame())
    chunks = [chunk for event in (Started(), TextDelta("a"), *CALL, *END) for chunk in writer.write(event)]
    assert all(chunk.raw.startswith(b"data: {") and chunk.raw.count(b"\n") == 2 for chunk in chunks)
    assert not writer.bears_comments


def test_a_call_is_whole():
    assert parts(*CALL) == [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}]
    assert parts(CallStart(0, "c1", "f"), CallEnd(0)) == [{"functionCall": {"id": "c1", "name": "f", "args": {}}}]


def test_calls_whose_pieces_come_in_turns():
    found = parts(
        CallStart(0, "c0", "f"), CallStart(1, "c1", "g"), CallDelta(0, "{}"), CallDelta(1, '{"b":2}'), CallEnd(1),
        CallEnd(0),
    )  # fmt: skip
    assert [part["functionCall"]["args"] for part in found] == [{"b": 2}, {}]


def test_thoughts_and_their_state():
    thought = (ThinkingDelta("Hm"), ThinkingState("S"))
    assert parts(*thought, *CALL) == [
        {"text": "Hm", "thought": True},
        {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "S"},
    ]
    assert parts(*thought, TextDelta("a"), TextDelta("b"))[1:] == [
        {"text": "a", "thoughtSignature": "S"},
        {"text": "b"},
    ]
    assert parts(*thought, TextDelta("a"), shown=False) == [{"text": "a", "thoughtSignature": "S"}]


def test_the_state_of_a_call_is_its_own():
    found = parts(ThinkingState("S", redacted=True), CallStart(0, "c", "f", state="T"), CallEnd(0))
    assert found[0]["thoughtSignature"] == "T"


@pytest.mark.parametrize(
    ("reason", "name"), [("length", "MAX_TOKENS"), ("tool_calls", "STOP"), ("content_filter", "SAFETY")]
)
def test_reasons(reason, name):
    assert written(Finished(reason), Ended())[-1]["candidates"][0]["finishReason"] == name


def test_arguments_that_are_no_object():
    broken = (CallStart(0, "c", "f"), CallDelta(0, '{"a'), CallEnd(0))
    last = written(*broken, Finished("tool_calls"), Ended())[-1]["candidates"][0]
    assert (last["finishReason"], '{"a' in last["finishMessage"]) == ("MALFORMED_FUNCTION_CALL", True)
    assert written(*broken, Finished("length"), Ended())[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_sources():
    last = written(TextDelta("a"), Citation("https://a", "A"), Citation("https://b"), *END)[-1]
    chunks = [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b"}}]
    assert last["candidates"][0]["groundingMetadata"] == {"groundingChunks": chunks}


def test_choices_end_together():
    last = written(TextDelta("a"), TextDelta("b", 1), Finished("stop"), Finished("length", choice=1), Ended())[-1]
    assert [(each["index"], each["finishReason"]) for each in last["candidates"]] == [(0, "STOP"), (1, "MAX_TOKENS")]


def test_a_whole_answer():
    writer = ContentWriter(frame())
    chunks = [chunk for event in (TextDelta("a"), TextDelta("b"), *CALL, *END) for chunk in writer.write(event)]
    assert b'"parts":[{"text":"ab"},{"functionCall"' in Gemini().whole(chunks)

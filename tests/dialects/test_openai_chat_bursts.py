"""A burst of events is read as the same events in a list, whatever they are."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import raw_of
from aigw.core.pace import LARGE
from aigw.dialects.failures import failure_in_event
from aigw.dialects.openai_chat import CompletionsReader, OpenAIChat
from aigw.dialects.openai_chat_stream import ChatStream
from aigw.dialects.sse import Event, EventSplitter

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

GOING_ON = {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": None}]}


def event(delta: object, reason: str | None = None, **more: object) -> bytes:
    body = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more}
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


EVENTS = [
    event({"role": "assistant", "content": ""}),
    event({"content": "a"}),
    event({"content": "a"}, usage=None),
    event({"content": '"finish_reason":null}]}'}),
    event({"content": '"content":"x'}),
    event({"content": "an error"}),
    event({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}),
    event({}, "stop"),
    event({"content": "end"}, "length"),
    event({}, "error"),
    event({}, "stop", usage=USAGE),
    b"data: " + json.dumps({"choices": [], "usage": USAGE}, separators=(",", ":")).encode() + b"\n\n",
    b"data: " + json.dumps({"usage": USAGE, **GOING_ON}, separators=(",", ":")).encode() + b"\n\n",
    b"data: " + json.dumps({"usage": None, **GOING_ON}, separators=(",", ":")).encode() + b"\n\n",
    b'data: {"error":{"message":"no"}}\n\n',
    b"event: error\ndata: no\n\n",
    b": a comment\n\n",
    b"data: [DONE]\n\n",
    b"\n\n",
]
BURSTS = st.lists(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=6).map(b"".join), min_size=1, max_size=3)


def passed(bursts: list[bytes], *, cut: bool) -> tuple[list[bytes], tuple[object, ...]]:
    """What a client gets of the bursts, and what the books read. `cut`: as lists of single events."""
    reader = CompletionsReader(streaming=True)
    stream, splitter = ChatStream(reader, hide_usage=True), EventSplitter()
    shown = []
    for burst in bursts:
        batch = splitter.feed(burst)
        batch = list(batch) if cut else batch
        reader.feed(batch)
        shown.append(raw_of(stream.feed(batch)))
    shown.append(raw_of(stream.end()))
    read = (reader.tokens, reader.finish, reader.error, reader.complete, reader.ended, reader.usable, reader.text)
    return shown, (*read, [chunk.raw for chunk in reader.telling])


@given(BURSTS)
def test_a_burst_is_read_and_shown_as_its_events_are(bursts):
    assert passed(bursts, cut=False) == passed(bursts, cut=True)


@given(BURSTS)
def test_a_burst_that_speaks_has_content_first(bursts):
    chat = OpenAIChat()
    raw = b"".join(bursts)
    if chat.speaks(raw):
        first = next(each for each in EventSplitter().feed(raw) if each.data is not None and not chat.opens(each))
        assert failure_in_event(first) is None
        assert not chat.is_last((first,))
        assert b'"finish_reason":"' not in first.raw or b'"content":"end"' in first.raw


def test_most_bursts_speak_and_are_not_cut():
    chat = OpenAIChat()
    assert chat.speaks(EVENTS[0] + EVENTS[1])
    assert not chat.speaks(EVENTS[0])
    assert not chat.speaks(EVENTS[0] + EVENTS[7])


MUCH = "x" * LARGE


@given(st.lists(st.sampled_from(EVENTS), max_size=4), st.lists(st.sampled_from(EVENTS), max_size=4))
def test_a_burst_with_a_large_event_is_read_as_with_a_small_one(before, behind):
    def read(text: str) -> tuple[list[bytes], tuple[object, ...], list[bytes]]:
        large = event({"content": text})
        shown, (*read, said, telling) = passed([b"".join((*before, large, *behind))], cut=False)
        shorter = [raw.replace(text.encode(), b"x") for raw in shown]
        return shorter, (*read, said.replace(text, "x")), [raw for raw in telling if raw != large]

    assert read(MUCH) == read("x")


def test_what_a_large_event_tells_is_read():
    (_, (tokens, finish, *_)), (_, (*_, error, _, _, _, _, _)) = (
        passed([each], cut=False)
        for each in (event({"content": MUCH}, "length", usage=USAGE), event({"content": MUCH}, error={"message": "no"}))
    )
    assert (tokens.input, finish, error) == (3, "length", "no")
    named = b"event: error\ndata: " + MUCH.encode() + b"\n\n"
    assert failure_in_event(Event(named)) == MUCH
    assert failure_in_event(Event(named[13:])) is None
    assert not OpenAIChat().speaks(event({"content": MUCH}))

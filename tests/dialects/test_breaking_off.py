"""aigw/dialects/breaking_off.py: a stream ends in the middle, and its reader takes it for a filtered answer."""

import json

import pytest
from fakes import chat, make_exchange

from aigw.core.answer import Answer
from aigw.dialects.sse import EventSplitter

PATHS = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/messages",
    "/v1/responses",
    "/v1beta/models/m:streamGenerateContent",
]


def streamed(exchange, text):
    """The events of an answer, without its end."""
    writer = exchange.dialect.writer(exchange.asked, "x", 0)
    return [*writer.opening(0, None), *writer.piece(0, text, None)], writer


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("closed", [False, True])
async def test_a_stream_ends(path, closed):
    exchange = make_exchange(chat({"model": "m", "stream": True}, path=path))
    events, writer = streamed(exchange, "half")
    if closed:
        events += writer.closing(0, Answer("half"))
    ends = exchange.dialect.breaking_off(exchange.asked, "id", 0)
    passed = EventSplitter().feed(b"".join(events))
    for event in passed:
        ends.pass_on(event)
    raw = b"".join(events) + ends.end("Not this.")
    reader = exchange.dialect.reader(exchange.asked, streaming=True)
    reader.feed(EventSplitter().feed(raw))
    assert reader.text == "halfNot this."
    assert (reader.ended, reader.error) == (True, "")
    assert reader.finish == "content_filter"


def test_events_of_responses_are_numbered_on():
    exchange = make_exchange(chat({"model": "m", "stream": True}, path="/v1/responses"))
    events, _ = streamed(exchange, "half")
    ends = exchange.dialect.breaking_off(exchange.asked, "id", 0)
    passed = EventSplitter().feed(b"".join(events))
    for event in passed:
        ends.pass_on(event)
    more = [json.loads(event.data) for event in EventSplitter().feed(ends.end("No."))]
    assert [each["sequence_number"] for each in more] == list(range(len(passed), len(passed) + len(more)))
    assert {each["output_index"] for each in more if "output_index" in each} == {1}
    last = more[-1]["response"]
    assert (last["id"], last["status"], last["incomplete_details"]) == (
        "resp_x",
        "incomplete",
        {"reason": "content_filter"},
    )


@pytest.mark.parametrize("path", [PATHS[0], PATHS[1], PATHS[4]])
def test_all_choices_end(path):
    exchange = make_exchange(chat({"model": "m", "stream": True}, path=path))
    writer = exchange.dialect.writer(exchange.asked, "x", 0)
    events = [*writer.piece(0, "a", None), *writer.piece(1, "b", None), *writer.piece(2, "c", None)]
    events += [] if "beta" in path else writer.closing(2, Answer("c"))
    ends = exchange.dialect.breaking_off(exchange.asked, "id", 0)
    for event in EventSplitter().feed(b"".join(events)):
        ends.pass_on(event)
    ended = [
        each["index"]
        for event in EventSplitter().feed(ends.end("No."))
        for each in ((event.json() or {}).get("choices") or (event.json() or {}).get("candidates") or ())
        if each.get("finish_reason") or each.get("finishReason")
    ]
    assert sorted(ended) == ([0, 1, 2] if "beta" in path else [0, 1])

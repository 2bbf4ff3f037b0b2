"""Events of an unknown shape amid an answer: they change neither its texts nor its end, and say nothing of a failure."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects import apis
from aigw.dialects.sse import Event
from aigw.dialects.table import DIALECTS

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def chat(delta, end=None):
    return {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}


def text(said, end=None):
    return {"id": "x", "choices": [{"index": 0, "text": said, "finish_reason": end}]}


ITEM = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "ab"}]}
RESPONSE = {"id": "r", "object": "response", "status": "completed", "output": [ITEM]}
STREAMS = {
    apis.CHAT: [chat({"role": "assistant", "content": ""}), chat({"content": "a"}), chat({"content": "b"}), chat({}, "stop"),
                {"id": "x", "choices": [], "usage": USAGE}, "[DONE]"],
    apis.COMPLETIONS: [text("a"), text("b"), text("", "stop"), {"id": "x", "choices": [], "usage": USAGE}, "[DONE]"],
    apis.MESSAGES: [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "b"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ],
    apis.RESPONSES: [
        {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "a"},
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "b"},
        {"type": "response.completed", "response": {**RESPONSE, "usage": {"input_tokens": 3, "output_tokens": 2}}},
    ],
    apis.STREAM_GENERATE_CONTENT: [
        {"candidates": [{"content": {"parts": [{"text": "a"}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}],
         "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}},
    ],
}  # fmt: skip
NOTES = [
    '{"type":"ping"}',
    '{"x":{"y":[1]}}',
    '{"object":"note","progress":0.5}',
    "{}",
    '{"choices":"x"}',
    '{"delta":5}',
]
"""Objects that are no chunk of any format."""
OTHERS = ["5", "true", '"busy"', "[]", "[1,[2]]", '["choices"]', "busy", "{", '[{"choices":5}]']


def event(data):
    data = data if isinstance(data, str) else json.dumps(data)
    return Event(f"data: {data}\n\n".encode())


class Asks:
    choices = 1


@pytest.mark.parametrize("api", STREAMS)
@given(st.data(), st.booleans())
def test_an_answer_stays_what_it_is(api, data, together):
    dialect, sent = DIALECTS[api], STREAMS[api]
    events = [event(each) for each in sent]
    for odd in data.draw(st.lists(st.sampled_from([*NOTES, *OTHERS]), max_size=4)):
        events.insert(data.draw(st.integers(0, len(events) - 1)), event(odd))
    reader = dialect.reader(Asks, streaming=True)
    for batch in [events] if together else [[each] for each in events]:
        reader.feed(batch)
    assert (reader.text, reader.finish, reader.error, reader.complete) == ("ab", "stop", "", True)
    assert (reader.tokens.input, reader.tokens.output) == (3, 2)
    assert json.loads(dialect.whole(events)) == json.loads(dialect.whole(map(event, sent)))
    assert reader.usable


@pytest.mark.parametrize("data", [*NOTES, *OTHERS])
@pytest.mark.parametrize("api", STREAMS)
def test_nobody_would_miss_it(api, data):
    assert DIALECTS[api].opens(event(data))


@pytest.mark.parametrize("api", STREAMS)
@pytest.mark.parametrize("data", NOTES)
def test_a_note_counts_nothing(api, data):
    reader = DIALECTS[api].reader(Asks, streaming=True)
    reader.feed([event(data)])
    assert reader.unread == 0


@pytest.mark.parametrize("api", STREAMS)
@pytest.mark.parametrize("data", OTHERS)
def test_what_is_no_object_counts_by_its_size(api, data):
    reader = DIALECTS[api].reader(Asks, streaming=True)
    reader.feed([event(data)])
    assert reader.unread == len(event(data).raw)

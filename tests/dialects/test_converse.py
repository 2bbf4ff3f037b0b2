"""Answers of Bedrock's Converse, whole and as streams."""

import json

import pytest
from fakes import chat

from aigw.core.answer import ToolCall
from aigw.core.model import Chunk
from aigw.dialects import apis
from aigw.dialects.converse import Converse
from aigw.dialects.sse import json_event

BODY = {
    "output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"text": "hi"},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
    ]}},
    "stopReason": "tool_use",
    "usage": {"inputTokens": 10, "outputTokens": 4, "totalTokens": 20, "cacheReadInputTokens": 6, "cacheWriteInputTokens": 0},
}  # fmt: skip
DIALECT = Converse()


def asked(api=apis.CONVERSE, body=None):
    return DIALECT.asked(chat(body or {"messages": []}, path=apis.converse_path(api, "a:b/c")), api)


def reader(*events, body=None):
    it = DIALECT.reader(asked(), streaming=body is None)
    for event in events:
        it.feed((json_event(event),))
    if body is not None:
        data = json.dumps(body).encode()
        it.feed((Chunk(data, data),))
    return it


def read(it):
    return it.text, it.reasoning, list(it.calls), it.finish, it.tokens.input, it.tokens.cache_read, it.tokens.output


def test_a_plain_answer_and_its_stream_say_the_same():
    data = json.dumps(BODY).encode()
    events = [event.json() for event in DIALECT.events(data, usage=True)]
    whole, streamed = reader(body=BODY), reader(*events)
    assert read(whole) == read(streamed) == ("hi", "hm", [ToolCall("f", '{"a":1}', "t1")], "tool_calls", 10, 6, 4)
    assert whole.complete and streamed.complete and streamed.ended and streamed.usable


def test_a_stream_ends_with_its_metadata():
    events = list(DIALECT.events(json.dumps(BODY).encode(), usage=True))
    assert [DIALECT.is_last((event,)) for event in events] == [False] * (len(events) - 1) + [True]


@pytest.mark.parametrize(
    ("event", "opens"),
    [
        ({"messageStart": {"role": "assistant"}}, True),
        ({"contentBlockDelta": {"delta": {"text": ""}}}, True),
        ({"contentBlockDelta": {"delta": {"text": "a"}}}, False),
        ({"contentBlockStart": {"start": {"toolUse": {}}}}, False),
        ({"throttlingException": {"message": "x"}}, False),
        ({"messageStop": {"stopReason": "end_turn"}}, False),
    ],
)
def test_what_only_opens_an_answer(event, opens):
    assert DIALECT.opens(json_event(event)) == opens


def test_an_exception_is_a_failure_with_its_status():
    it = reader({"messageStart": {}}, {"throttlingException": {"message": "slow down"}})
    assert (it.error, it.failure.status, it.complete) == ("slow down", 429, False)


def test_the_view_of_a_request():
    body = {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "system": [{"text": "be"}],
        "inferenceConfig": {"maxTokens": 5},
    }
    view = asked(apis.CONVERSE_STREAM, body)
    assert (view.model, view.stream, view.max_tokens, view.question) == ("a:b/c", True, 5, "hi")
    assert [turn.text for turn in view.turns] == ["be", "hi"]


@pytest.mark.parametrize("body", [b"{}", b'{"message":"no"}', b"[]", b"{"])
def test_what_is_no_answer_has_no_events(body):
    with pytest.raises(ValueError):
        list(DIALECT.events(body, usage=True))

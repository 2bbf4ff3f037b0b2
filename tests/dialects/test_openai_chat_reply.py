"""Usage that stands in the wrong place, and thinking that stands for an empty answer."""

import json

import pytest

from aigw.dialects.openai_chat_reply import LiftUsage, PromoteThinking, promote_thinking
from aigw.dialects.sse import Event, json_event


def fed(decoder, *bodies):
    out = [chunk for body in bodies for chunk in decoder.feed([json_event(body)])]
    assert decoder.end() == ()
    return [chunk.json() for chunk in out]


def delta(finish=None, **members):
    return {"id": "x", "choices": [{"index": 0, "delta": members, "finish_reason": finish}]}


USAGE = {"total_tokens": 3}


def test_usage_comes_out_of_its_choice():
    wrong = {"id": "x", "choices": [{"index": 0, "delta": {}, "usage": USAGE}, {"index": 1}]}
    assert fed(LiftUsage(), wrong) == [
        {"id": "x", "choices": [{"index": 0, "delta": {}}, {"index": 1}], "usage": USAGE}
    ]


@pytest.mark.parametrize(
    "body",
    [{"choices": [{"usage": {"total_tokens": 9}}], "usage": USAGE}, {"choices": [], "usage": USAGE}, [{"usage": 1}]],
)
def test_usage_in_its_place_stays(body):
    event = json_event(body)
    assert LiftUsage().feed([event]) == [event]


def test_thinking_without_an_answer_becomes_one_before_the_end():
    thinking = [delta(reasoning_content="a"), delta(reasoning_content="b")]
    assert fed(PromoteThinking(), *thinking, delta("stop")) == [*thinking, delta(content="ab"), delta("stop")]


@pytest.mark.parametrize(
    "answer", [delta(content="c"), delta(tool_calls=[{"index": 0}]), {"choices": [{"index": 0, "delta": 5}], "x": 1}]
)
def test_what_has_an_answer_or_no_end_stays(answer):
    ends = [delta("stop")] if answer["choices"][0]["delta"] != 5 else []
    given = [delta(reasoning_content="a"), answer, *ends]
    assert fed(PromoteThinking(), *given) == given


def test_only_the_first_end_gets_it():
    given = [delta(reasoning_content="a"), delta("stop"), delta("stop")]
    assert fed(PromoteThinking(), *given) == [given[0], delta(content="a"), *given[1:]]


def test_events_that_are_none_pass():
    events = [Event(b": ping\n\n"), Event(b"data: [DONE]\n\n"), Event(b'data: {"choices": \n\n')]
    assert PromoteThinking().feed(events) == events


@pytest.mark.parametrize(
    ("message", "promoted"),
    [
        ({"content": "", "reasoning_content": "why"}, {"content": "why"}),
        ({"content": None, "reasoning_content": "why", "role": "assistant"}, {"content": "why", "role": "assistant"}),
        ({"content": "a", "reasoning_content": "why"}, None),
        ({"content": "", "reasoning_content": ""}, None),
        ({"content": "", "tool_calls": [{}], "reasoning_content": "why"}, None),
    ],
)
def test_a_plain_answer(message, promoted):
    body = json.dumps({"choices": [{"message": message}]}).encode()
    found = promote_thinking(body)
    if promoted is None:
        assert found is body
    else:
        assert json.loads(found) == {"choices": [{"message": promoted}]}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"choices": [5]}', b'{"choices": [{"message": 5}]}', b"[" * 100_000]
)
def test_what_is_no_answer_stays(body):
    assert promote_thinking(body) is body

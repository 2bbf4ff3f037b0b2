"""A request of an Anthropic client and its answer, as Higress translates both."""

import json

import pytest
from fakes import chat

from aigw.dialects import apis
from aigw.translation.higress.translation import HigressTranslation, Taken

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def translation(body=ASK, path="/v1/messages", query="", headers=None, **taken):
    request = chat(body, path=path, headers=headers)
    request.query = query
    return HigressTranslation(request, Taken(**taken))


def test_request_is_one_for_chat_completions():
    it = translation(path="/x/v1/messages", query="beta=true", headers={"x-api-key": "k"})
    assert (it.request.path, it.request.query, it.request.headers["x-api-key"]) == ("/x/v1/chat/completions", "", "k")
    assert json.loads(it.request.body) == ASK
    assert (it.api, it.asked.model, it.asked.max_tokens) == (apis.CHAT, "m", 9)


@pytest.mark.parametrize(
    ("taken", "thinking", "expected"),
    [
        ("switch", None, {"thinking": {"type": "disabled"}}),
        ("switch", {"type": "enabled", "budget_tokens": 2000}, {"reasoning_effort": "low"}),
        ("budget", {"type": "enabled", "budget_tokens": 9000}, {"reasoning_effort": "medium", "reasoning_max_tokens": 9000}),
        ("budget", {"type": "disabled", "budget_tokens": 9000}, {}),
    ],
)  # fmt: skip
def test_how_much_to_think(taken, thinking, expected):
    asked = {**ASK, **({"thinking": thinking} if thinking else {})}
    assert json.loads(translation(asked, **{taken: True}).request.body) == {**ASK, **expected}


def test_answer_comes_back_whole():
    body = {"id": "c", "model": "x", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    answer = json.loads(translation().whole(json.dumps(body).encode()))
    assert (answer["content"], answer["stop_reason"]) == ([{"type": "text", "text": "a"}], "end_turn")


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>"])
def test_answer_that_is_none(body):
    with pytest.raises(ValueError):
        translation().whole(body)


def test_request_that_cannot_be_read():
    with pytest.raises(ValueError, match="max_tokens: must be a whole number"):
        translation({**ASK, "max_tokens": "9"})

"""A request of an Anthropic client and its answer, as Higress translates both."""

import json

import pytest
from fakes import chat

from aigw.dialects import apis
from aigw.translation.higress.translation import HigressTranslation

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def translation(body=ASK, path="/v1/messages", query="", headers=None):
    request = chat(body, path=path, headers=headers)
    request.query = query
    return HigressTranslation(request, keeps_reasoning=False, asks_for_usage=True)


def test_request_is_one_for_chat_completions():
    it = translation(path="/x/v1/messages", query="beta=true", headers={"x-api-key": "k"})
    assert (it.request.path, it.request.query, it.request.headers["x-api-key"]) == ("/x/v1/chat/completions", "", "k")
    assert json.loads(it.request.body) == ASK
    assert (it.api, it.asked.model, it.asked.max_tokens) == (apis.CHAT, "m", 9)


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

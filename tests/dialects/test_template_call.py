"""The request of a client for a template: its API, its model, and what makes it a stream."""

import pytest

from aigw.dialects import apis
from aigw.dialects.template_call import MAX_TOKENS, api_of, call, model_in, streamed, with_model

GEMINI = "/v1beta/models/m:generateContent"


@pytest.mark.parametrize(
    ("fields", "api"),
    [
        (["model", "messages"], apis.CHAT),
        (["messages", "system", "max_tokens"], apis.MESSAGES),
        (["prompt"], apis.COMPLETIONS),
        (["input", "instructions"], apis.RESPONSES),
        (["instructions"], apis.RESPONSES),
        (["contents", "systemInstruction"], apis.GENERATE_CONTENT),
        (["model"], apis.CHAT),
    ],
)
def test_the_fields_tell_the_api(fields, api):
    assert api_of(fields) == api


def test_messages_need_a_limit():
    assert call(apis.CHAT, "t", ["messages"], {"a": 1}) == {"template": "t", "properties": {"a": 1}}
    assert call(apis.MESSAGES, "t", ["messages"], {})["max_tokens"] == MAX_TOKENS
    assert "max_tokens" not in call(apis.MESSAGES, "t", ["max_tokens"], {})


def test_the_model_is_where_the_api_has_it():
    assert model_in({"model": "m"}) == "m"
    assert model_in({"model": 3}) == model_in({}) == ""
    assert with_model(apis.CHAT, "/v1/chat/completions", {"a": 1}, "x") == (
        "/v1/chat/completions",
        {"a": 1, "model": "x"},
    )
    assert with_model(apis.GENERATE_CONTENT, GEMINI, {"a": 1, "model": "y"}, "x") == (
        GEMINI.replace("/m:", "/x:"),
        {"a": 1},
    )


def test_streams():
    assert streamed(apis.MESSAGES, "/v1/messages", {}) == ("/v1/messages", {"stream": True})
    assert streamed(apis.CHAT, "/x", {})[1]["stream_options"] == {"include_usage": True}
    path, body = streamed(apis.GENERATE_CONTENT, GEMINI, {"contents": []})
    assert (path, body) == ("/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": []})

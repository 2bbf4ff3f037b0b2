"""Clients of one format at providers of another, through ai-proxy."""

import json

import pytest
from ai_proxy_world import OPENAI, TWO, USAGE, delta, once
from fakes import answer_json, chat, events

ASK = {"model": "m", "max_tokens": 9, "top_k": 3, "messages": [{"role": "user", "content": "hi"}]}
LONG = {
    "error": {
        "message": "maximum context length is 8 tokens. However, you requested 9 tokens.",
        "code": "context_length_exceeded",
    }
}


def messages(**more):
    return chat(
        {**ASK, **more},
        path="/v1/messages",
        headers={"content-type": "application/json", "anthropic-version": "2023-06-01"},
    )


async def test_a_stream():
    upstream, reply, received = await once(
        {"provider": {**OPENAI, "modelMapping": {"m": "gpt", "gpt": "other"}}},
        messages(stream=True),
        events(delta("yo", "stop"), USAGE),
    )
    (sent, _), *_ = upstream.sent
    body = json.loads(sent.body)
    assert (sent.path, body["model"], body["stream_options"]) == (
        "/v1/chat/completions",
        "gpt",
        {"include_usage": True},
    )
    assert "anthropic-version" not in sent.headers
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-aigw-lost"] == "top_k"
    assert received.startswith(b"event: message_start") and received.endswith(b'data: {"type":"message_stop"}\n\n')


async def test_an_error_has_the_clients_shape_and_keeps_its_headers():
    answer = answer_json({"error": {"message": "slow down"}}, 429)
    answer.headers["retry-after"] = "7"
    _, reply, received = await once({"provider": OPENAI}, messages(), answer)
    body = json.loads(received)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert (body["type"], body["error"]) == ("error", {"type": "rate_limit_error", "message": "slow down"})


async def test_a_prompt_that_does_not_fit_is_told_so_that_the_client_compacts():
    _, _, received = await once({"provider": OPENAI}, messages(), answer_json(LONG, 400))
    assert json.loads(received)["error"]["message"].startswith("prompt is too long: 9 tokens > 8 maximum")


async def test_the_next_provider_may_need_no_translation():
    config = {**TWO, "fallback": ["b"]}  # b has Anthropic's API itself
    upstream, _, received = await once(
        config,
        messages(),
        answer_json({}, 500),
        answer_json(
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "x"}],
                "stop_reason": "end_turn",
            }
        ),
    )
    assert [sent.path for sent, _ in upstream.sent] == ["/v1/chat/completions", "/anthropic/v1/messages"]
    assert json.loads(received)["content"][0]["text"] == "x"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
async def test_a_body_that_is_no_request_is_refused(body):
    request = messages()
    request.replace_body(body)
    with pytest.raises(Exception, match="cannot be used") as refusal:
        await once({"provider": OPENAI}, request)
    assert refusal.value.status == 400

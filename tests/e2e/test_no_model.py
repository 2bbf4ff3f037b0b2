"""Requests that name no model: the configured default, or an error that says so."""

import json

import pytest
from stage.answers import CHAT, answers
from stage.gateway import BUILTIN

MESSAGES = {"max_tokens": 9, "messages": CHAT["messages"]}
ASKS = {
    "chat": ("/v1/chat/completions", {"messages": CHAT["messages"]}),
    "messages": ("/v1/messages", MESSAGES),
    "responses": ("/v1/responses", {"input": "Hi", "store": False}),
    "embeddings": ("/v1/embeddings", {"input": "Hi"}),
}
NOT_OFFERED = [("claude", "embeddings")]
MISSING = [{}, {"model": None}, {"model": ""}]


@pytest.mark.parametrize("more", MISSING, ids=["missing", "null", "empty"])
@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize("kind", ["openai", "claude", "qwen"])
async def test_the_default_is_asked_for(provider, gateway, kind, name, more):
    """openai/codex#41095."""
    path, body = ASKS[name]
    upstream = await provider(answers(b"{}", 400))
    settings = {"type": kind, "apiTokens": ["k"], "providerDomain": "x.example", "modelMapping": {"*": "the-default"}}
    running = await gateway({"plugins": {"ai-proxy": {"provider": settings}}, "services": {"x.example": upstream.url}})
    answer = await running.request("POST", path, json.dumps({**body, **more}).encode())
    assert answer.status == 400
    asked = [request.json()["model"] for request in upstream.requests]
    assert asked == ([] if (kind, name) in NOT_OFFERED else ["the-default"])


@pytest.mark.parametrize("more", MISSING, ids=["missing", "null", "empty"])
@pytest.mark.parametrize("name", ["chat", "messages", "embeddings"])
async def test_without_a_default_it_is_said(gateway, name, more):
    path, body = ASKS[name]
    answer = await (await gateway(BUILTIN)).request("POST", path, json.dumps({**body, **more}).encode())
    assert answer.status == 400
    assert "model" in answer.json()["error"]["message"]
    assert (answer.json().get("type") == "error") == (name == "messages")

"""Clients that ask how many tokens a prompt has, at providers that do not count."""

import asyncio
import json

import openai
import pytest
from anthropic import BadRequestError
from stage.agents import send, wire
from stage.answers import MESSAGES, answers
from stage.gateway import BUILTIN, until
from stage.sdks import MessagesSDK, google

from aigw.metering.tokenizer import TokenCounter

WORDS = "Why does the gateway count tokens where its provider does not? " * 40
TOOL = {"name": "read", "description": "reads a file", "input_schema": {"type": "object", "properties": {"path": {}}}}
DEEPSEEK = {"type": "deepseek", "apiTokens": ["k"], "providerDomain": "deepseek.example"}


async def test_anthropics_client_counts(gateway):
    """Within a fifth of what the vocabulary of the model says of the same texts."""
    asked = {"model": "echo", "messages": [{"role": "user", "content": WORDS}]}
    exact = TokenCounter().count(WORDS)
    async with MessagesSDK().open(await gateway(BUILTIN)) as client:
        plain = (await client.messages.count_tokens(**asked)).input_tokens
        more = (await client.messages.count_tokens(**asked, system=WORDS, tools=[TOOL])).input_tokens
        with pytest.raises(BadRequestError, match="'messages' is missing or empty"):
            await client.messages.count_tokens(model="echo", messages=[])
    assert exact <= plain <= 1.2 * exact
    assert 2 * exact < more <= 2.4 * exact + 40


async def test_openais_client_counts(gateway):
    client = (await gateway(BUILTIN)).sdk()
    counted = await client.responses.input_tokens.count(model="echo", input=WORDS, instructions=WORDS)
    exact = 2 * TokenCounter().count(WORDS)
    assert counted.object == "response.input_tokens"
    assert exact <= counted.input_tokens <= 1.2 * exact
    with pytest.raises(openai.BadRequestError, match="previous_response_id"):
        await client.responses.input_tokens.count(model="echo", input="a", previous_response_id="resp_1")


async def test_googles_client_counts(gateway):
    async with google().open(await gateway(BUILTIN)) as client:
        counted = await client.models.count_tokens(model="echo", contents=WORDS)
    exact = TokenCounter().count(WORDS)
    assert exact <= counted.total_tokens <= 1.2 * exact


async def test_fifty_counts_at_a_time_are_answered_here(provider, gateway):
    """claude-relay-service#731: as many as Claude Code asks for one /context, several times over. Nobody is asked, and
    nothing is spent."""
    upstream = await provider(answers(b"{}", 500))
    config = {"plugins": {"ai-proxy": {"provider": DEEPSEEK}}, "services": {"deepseek.example": upstream.url}}
    running = await gateway(config, keeps=True)
    told = await asyncio.gather(*(send(running, "claude-code-6-count-tokens") for _ in range(50)))
    assert {answer.status for answer in told} == {200}
    assert {answer.json()["input_tokens"] for answer in told} != {0}
    assert len({answer.body for answer in told}) == 1
    assert upstream.requests == []
    await until(lambda: len(running.rows) == 50)
    assert {(row.cost, row.failed, row.attempts, row.tokens.source) for row in running.rows} == {
        (0.0, False, 0, "absent")
    }


@pytest.mark.parametrize("name", ["claude-code-6-count-tokens", "anthropic-sdk-4-count", "google-genai-6-count"])
async def test_a_provider_that_only_says_404_has_not_failed(provider, gateway, name):
    """claude-code-hub#1363: a request to count has no metadata, on which nothing may depend."""
    upstream = await provider(answers(b'{"detail":"Not Found"}', 404))
    settings = {"type": "gemini" if "genai" in name else "claude", "apiTokens": ["k"], "providerDomain": "x.example"}
    config = {"plugins": {"ai-proxy": {"provider": settings}}, "services": {"x.example": upstream.url}}
    running = await gateway(config, keeps=True)
    answer = await send(running, name)
    assert (answer.status, answer.headers["x-aigw-tokens"]) == (200, "estimated")
    assert next(iter(answer.json().values())) > 0
    await until(lambda: running.rows != [])
    assert [(row.failed, row.cost, row.error) for row in running.rows] == [(False, 0.0, "")]


async def test_a_body_that_is_no_json_is_an_error_of_its_format(gateway):
    running = await gateway(BUILTIN)
    for name, path in {"anthropic-sdk-4-count": ("error", "type"), "google-genai-6-count": ("error", "status")}.items():
        recorded = wire(name)
        answer = await running.request("POST", recorded["path"], b"{", content_type="application/json")
        assert answer.status == 400
        told = answer.json()[path[0]][path[1]]
        assert told in ("invalid_request_error", "INVALID_ARGUMENT")


async def test_a_count_is_mapped_and_leads_where_its_model_leads(provider, gateway):
    upstream = await provider(answers(json.dumps({"object": "response.input_tokens", "input_tokens": 5}).encode()))
    openai = {
        "id": "o",
        "type": "openai",
        "apiTokens": ["k"],
        "providerDomain": "o.example",
        "modelMapping": {"fast": "gpt-x"},
    }
    ai_proxy = {"providers": [{"id": "b", "type": "builtin"}, openai], "byModel": {"fast": "o", "*": "b"}}
    running = await gateway({"plugins": {"ai-proxy": ai_proxy}, "services": {"o.example": upstream.url}})
    counted = await running.sdk().responses.input_tokens.count(model="fast", input=MESSAGES)
    assert counted.input_tokens == 5
    assert [(request.target, request.json()["model"]) for request in upstream.requests] == [
        ("/v1/responses/input_tokens", "gpt-x")
    ]

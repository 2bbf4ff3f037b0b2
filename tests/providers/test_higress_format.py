"""Providers of other formats behind ai-proxy with `fidelity: higress`, beside the cases of tests/conformance."""

import pytest
from ai_proxy_world import CLAUDE, GEMINI, HELLO, OPENAI, STREAM
from fakes import Answer, answer_json, events
from world import world

from aigw.core.errors import GatewayError, UpstreamError

SAID = [{"type": "text", "text": "a"}]
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": SAID, "stop_reason": "end_turn"}
COMPLETION = {"id": "c", "model": "x", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
CODE = {**CLAUDE, "claudeCodeMode": True}


async def ask(provider, body, *script, path="/v1/chat/completions", **headers):
    """Returns the upstream and what the client got."""
    config = {"provider": {**provider}}
    async with world({"ai-proxy": config}, *script, fidelity="higress") as it:
        seen = await it.ask(body, path=path, **headers)
        return it.upstream, seen


async def refused(provider, body, **how):
    with pytest.raises(GatewayError) as error:
        await ask(provider, body, **how)
    assert error.value.plain is not None
    return error.value.plain


async def test_own_headers_count_and_keys_of_clients_do_not_reach_claude_code():
    headers = {"user_agent": "mine", "x_api_key": "mine", "authorization": "Bearer mine"}
    upstream, _ = await ask(CODE, HELLO, answer_json(MESSAGE), **headers)
    request = upstream.last
    assert (request.path, request.query) == ("/v1/messages", "beta=true")
    assert (request.headers["user-agent"], request.headers["authorization"]) == (
        "claude-cli/2.1.2 (external, cli)",
        "Bearer k",
    )
    assert "x-api-key" not in request.headers


async def test_original_protocol_translates_nothing():
    upstream, seen = await ask({**CLAUDE, "protocol": "original"}, HELLO, answer_json(MESSAGE))
    assert (upstream.last.path, upstream.json(), seen.json()) == ("/v1/chat/completions", HELLO, MESSAGE)


async def test_mapped_model_is_told_to_the_client():
    upstream, seen = await ask({**CLAUDE, "modelMapping": {"*": "claude-x"}}, HELLO, answer_json(MESSAGE))
    assert (upstream.json()["model"], seen.json()["model"]) == ("claude-x", "claude-x")


async def test_context_file_of_claude_stands_in_the_system_text():
    context = {"fileUrl": "http://files.local/c.txt", "serviceName": "files.dns"}
    answers = [Answer(headers={"content-type": "text/plain"}, pieces=[b"CTX"]), answer_json(MESSAGE)]
    system = {"role": "system", "content": "s"}
    body = {**HELLO, "messages": [system, *HELLO["messages"]]}
    upstream, _ = await ask({**CLAUDE, "context": context}, body, *answers)
    assert (upstream.json()["system"], upstream.json()["messages"]) == ("CTX\ns", HELLO["messages"])


async def test_thinking_may_be_promoted():
    thought = {**MESSAGE, "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}
    _, seen = await ask({**CLAUDE, "promoteThinkingOnEmpty": True}, HELLO, answer_json(thought))
    assert seen.json()["choices"][0]["message"]["content"] == "hm"


async def test_native_requests_of_claude_and_gemini_stay():
    upstream, seen = await ask(CLAUDE, ASK, answer_json(MESSAGE), path="/v1/messages")
    assert (upstream.last.path, upstream.json(), seen.json()) == ("/v1/messages", ASK, MESSAGE)
    contents = {"contents": [{"parts": [{"text": "hi"}]}]}
    path = "/v1beta/models/g:generateContent"
    upstream, seen = await ask(GEMINI, contents, answer_json({"candidates": []}), path=path)
    assert (upstream.last.path, upstream.json(), seen.json()) == (path, contents, {"candidates": []})


async def test_usage_of_a_stream_is_read_from_the_providers_own_events():
    start = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
    _, seen = await ask(CLAUDE, STREAM, events(start, end, {"type": "message_stop"}, done=False))
    tokens = seen.exchange.answer.tokens
    assert (tokens.input, tokens.output) == (3, 5)


@pytest.mark.parametrize(
    ("path", "body", "sent_path", "sent", "answer", "told"),
    [
        (
            "/v1/embeddings", {"model": "e", "input": "a"}, "/v1beta/models/e:batchEmbedContents",
            {"requests": [{"model": "models/e", "content": {"parts": [{"text": "a"}]}}]},
            {"embeddings": [{"values": [1.5]}]},
            {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.5]}], "model": "e", "usage": {}},
        ),
        (
            "/v1/images/generations", {"model": "i", "prompt": "p", "n": 1}, "/v1beta/models/i:predict",
            {"instances": [{"prompt": "p"}], "parameters": {"sampleCount": 1}},
            {"predictions": [{"bytesBase64Encoded": "D"}]}, {"data": [{"b64_json": "D"}]},
        ),
    ],
)  # fmt: skip
async def test_embeddings_and_images_of_gemini(path, body, sent_path, sent, answer, told):
    upstream, seen = await ask(GEMINI, body, answer_json(answer), path=path)
    assert (upstream.last.path, upstream.json()) == (sent_path, sent)
    assert {name: value for name, value in seen.json().items() if name != "created"} == told


@pytest.mark.parametrize(
    ("provider", "body", "why"),
    [
        (
            GEMINI,
            {"model": "g", "messages": []},
            'no message found in the request body: {"model": "g", "messages": []}',
        ),
        (GEMINI, {"messages": HELLO["messages"]}, "missing model in request"),
        ({**CLAUDE, "modelMapping": {"*": "c"}}, {"messages": HELLO["messages"]}, "missing model in request"),
        (CLAUDE, {**HELLO, "max_tokens": "5"}, "max_tokens: must be a whole number"),
    ],
)
async def test_requests_that_cannot_be_converted(provider, body, why):
    assert await refused(provider, body) == (500, f"failed to process request body: {why}")


async def test_api_that_gemini_lacks():
    told = await refused(GEMINI, {"model": "g", "prompt": "p"}, path="/v1/completions")
    assert told == (500, "failed to process request body: unsupported API name")


@pytest.mark.parametrize("model", ["..", "a/../b", "a\\..\\b"])
async def test_model_that_would_change_the_path(model):
    with pytest.raises(GatewayError) as error:
        await ask(GEMINI, {**HELLO, "model": model})
    assert (error.value.status, error.value.code) == (400, "invalid_model")


async def test_answer_that_is_none():
    with pytest.raises(UpstreamError, match="overloaded_error"):
        await ask(CLAUDE, HELLO, answer_json({"content": [], "error": {"type": "overloaded_error", "message": "busy"}}))


async def test_anthropic_client_of_a_provider_that_keeps_reasoning():
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    body = {**ASK, "messages": [*ASK["messages"], {"role": "assistant", "content": [thought, *SAID]}, *ASK["messages"]]}
    for kind, kept in (("zhipuai", "hm"), ("moonshot", None)):
        upstream, _ = await ask({"type": kind, "apiTokens": ["k"]}, body, answer_json(COMPLETION), path="/v1/messages")
        assert upstream.json()["messages"][1].get("reasoning_content") == kept


async def test_anthropic_client_of_gemini():
    answer = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}
    upstream, seen = await ask(GEMINI, {**ASK, "system": "s"}, answer_json(answer), path="/v1/messages")
    assert upstream.json()["system_instruction"] == {"parts": [{"text": "s"}]}
    assert (seen.json()["content"], seen.json()["stop_reason"]) == (SAID, "end_turn")


async def test_anthropic_client_of_a_provider_that_asks_for_no_usage():
    config = {**OPENAI, "disableStreamUsageStats": True}
    chunk = {"id": "c", "model": "x", "choices": [{"delta": {"role": "assistant", "content": "a"}}]}
    upstream, seen = await ask(config, {**ASK, "stream": True}, events(chunk), path="/v1/messages")
    assert "stream_options" not in upstream.json()
    assert [event["type"] for event in seen.events()][-1] == "message_stop"


async def test_request_of_an_anthropic_client_that_cannot_be_read():
    told = await refused(OPENAI, {**ASK, "max_tokens": "9"}, path="/v1/messages")
    assert told == (500, "failed to process request body: failed to convert claude request to openai: "
                    "max_tokens: must be a whole number")  # fmt: skip

"""What stands in for an API that a provider does not have, and when a 404 is told."""

import json

import pytest
from ai_proxy_world import once, proxy
from fakes import FakeUpstream, answer_json, chat

from aigw.core.errors import GatewayError
from aigw.providers.missing_api import ESTIMATED, HEADER

COUNT = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}
COUNTS = "/v1/messages/count_tokens"
CLAUDE = {"type": "claude", "apiTokens": ["k"]}
NOT_FOUND = answer_json({"detail": "Not Found"}, 404)


@pytest.mark.parametrize("provider", [{"type": "deepseek", "apiTokens": ["k"]}, {"type": "builtin"}])
async def test_who_cannot_count_is_not_asked(provider):
    upstream, reply, received = await once({"provider": provider}, chat(COUNT, path=COUNTS))
    assert (reply.status, json.loads(received), reply.headers[HEADER]) == (200, {"input_tokens": 3}, ESTIMATED)
    assert upstream.sent == []


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_who_says_that_it_cannot_count_is_believed(status):
    _, reply, received = await once(
        {"provider": CLAUDE}, chat(COUNT, path=COUNTS), answer_json({"detail": "no"}, status)
    )
    assert (reply.status, json.loads(received)) == (200, {"input_tokens": 3})


async def test_a_count_of_the_provider_goes_on_as_it_is():
    _, reply, received = await once(
        {"provider": CLAUDE}, chat(COUNT, path=COUNTS), answer_json({"input_tokens": 9, "x": 1})
    )
    assert json.loads(received) == {"input_tokens": 9, "x": 1}
    assert HEADER not in reply.headers


async def test_a_model_that_is_unknown_is_told():
    said = {"type": "error", "error": {"type": "not_found_error", "message": "model: m"}}
    _, reply, received = await once({"provider": CLAUDE}, chat(COUNT, path=COUNTS), answer_json(said, 404))
    assert (reply.status, json.loads(received)) == (404, said)


async def test_a_count_that_is_missing_is_no_failure_of_the_token():
    """CLIProxyAPI#4410: the token would be left out of the pool for all other requests."""
    failover = {"enabled": True, "failureThreshold": 1, "failoverOnStatus": ["4.*"], "healthCheckModel": "m"}
    config = {"provider": {**CLAUDE, "apiTokens": ["one", "two"], "failover": failover}}
    upstream = FakeUpstream(NOT_FOUND, *[answer_json({"content": []})] * 30)
    async with proxy(config, upstream) as send:
        assert (await send(chat(COUNT, path=COUNTS))).status == 200
        for _ in range(30):
            await send(chat(COUNT, path="/v1/complete"))
    assert {request.headers["x-api-key"] for request, _ in upstream.sent[1:]} == {"one", "two"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":"m"}', b'{"model":"m","messages":[]}'])
async def test_what_cannot_be_counted_is_refused(body):
    with pytest.raises(GatewayError) as caught:
        await once({"provider": {"type": "builtin"}}, chat(body, path=COUNTS))
    assert (caught.value.status, caught.value.code) == (400, "invalid_body")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses/compact"])
async def test_a_path_that_the_provider_does_not_know_is_no_404(path):
    """copilot-api#359, new-api#5965: Codex shows a 404 as high demand, Claude Code says that the model does not exist."""
    provider = {"type": "vllm", "vllmServerHost": "vllm.example"}
    with pytest.raises(GatewayError, match=r"'vllm' does not have the .* API \(/v1/.*\): it answered 404") as caught:
        await once({"provider": provider}, chat({**COUNT, "input": "a"}, path=path), NOT_FOUND)
    assert (caught.value.status, caught.value.code) == (400, "unsupported_api")


async def test_a_model_that_the_provider_does_not_know_is_a_404():
    said = {"error": {"message": "The model `m` does not exist.", "code": "model_not_found"}}
    _, reply, received = await once({"provider": CLAUDE}, chat(COUNT, path="/v1/messages"), answer_json(said, 404))
    assert (reply.status, json.loads(received)) == (404, said)


async def test_higress_passes_on_what_is_missing():
    _, reply, _ = await once({"provider": CLAUDE}, chat(COUNT, path=COUNTS), NOT_FOUND, fidelity="higress")
    assert reply.status == 404


@pytest.mark.parametrize(
    ("said", "status"),
    [("The model `m` does not exist.", 404), ("Not Found", 400), ("Invalid URL (POST /v1/chat/completions)", 400)],
)
async def test_a_404_of_a_vendor_with_another_format(said, status):
    """Claude Code says that the model may not exist, which must be true then."""
    provider = {"type": "moonshot", "apiTokens": ["k"]}
    answer = answer_json({"error": {"message": said, "type": "invalid_request_error"}}, 404)
    request = chat({**COUNT, "max_tokens": 9}, path="/v1/messages")
    if status == 404:
        _, reply, received = await once({"provider": provider}, request, answer)
        told = json.loads(received)["error"]
        assert (reply.status, told["type"], told["message"]) == (404, "not_found_error", said)
        return
    with pytest.raises(GatewayError, match=r"'moonshot' does not have the Messages API") as caught:
        await once({"provider": provider}, request, answer)
    assert caught.value.status == 400

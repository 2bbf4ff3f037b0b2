"""Gemini clients at providers that have OpenAI's embeddings, through ai-proxy."""

import json

import pytest
from ai_proxy_world import OPENAI, once
from fakes import answer_json, chat, events

from aigw.core.errors import GatewayError, UpstreamError

MODEL = "/v1beta/models/gemini-embedding-001"
TEXT = {"content": {"parts": [{"text": "hi"}]}}
VECTORS = {"data": [{"index": 0, "embedding": [0.5, 1.0]}], "model": "v", "usage": {"prompt_tokens": 3}}


def asks(body, verb="embedContent", **headers):
    return chat(body, path=f"{MODEL}:{verb}", headers={"content-type": "application/json", **headers})


async def test_one_text():
    provider = {**OPENAI, "modelMapping": {"gemini-*": "text-embedding-3-small"}}
    upstream, reply, received = await once(
        {"provider": provider}, asks({**TEXT, "title": "T"}, **{"x-goog-api-key": "mine"}), answer_json(VECTORS)
    )
    sent = upstream.last
    assert (sent.path, json.loads(sent.body)) == (
        "/v1/embeddings",
        {"model": "text-embedding-3-small", "input": ["hi"]},
    )
    assert "x-goog-api-key" not in sent.headers
    assert json.loads(received) == {"embedding": {"values": [0.5, 1.0]}}
    assert reply.headers["x-aigw-lost"] == "title"


async def test_a_provider_with_geminis_own_gets_what_the_client_wrote():
    provider = {"type": "gemini", "apiTokens": ["k"]}
    body = json.dumps({**TEXT, "title": "T"}, indent=1).encode()
    upstream, reply, _ = await once({"provider": provider}, asks(body), answer_json({"embedding": {"values": [1]}}))
    assert (upstream.last.path, upstream.last.body) == (f"{MODEL}:embedContent", body)
    assert "x-aigw-lost" not in reply.headers


async def test_an_error_is_one_of_the_client():
    said = {"error": {"message": "no such dimensions", "type": "invalid_request_error"}}
    _, reply, received = await once({"provider": OPENAI}, asks(TEXT), answer_json(said, 400))
    error = json.loads(received)["error"]
    assert (reply.status, error["status"], error["message"]) == (400, "INVALID_ARGUMENT", "no such dimensions")


async def test_fewer_vectors_than_texts_are_a_failure():
    with pytest.raises(UpstreamError, match="1 vectors for 2 texts"):
        await once({"provider": OPENAI}, asks({"requests": [TEXT, TEXT]}, "batchEmbedContents"), answer_json(VECTORS))


async def test_a_stream_is_a_failure():
    with pytest.raises(UpstreamError, match="vectors are not streamed"):
        await once({"provider": OPENAI}, asks(TEXT), events(VECTORS))


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b"{}"])
async def test_what_is_no_request_is_refused(body):
    with pytest.raises(GatewayError) as caught:
        await once({"provider": OPENAI}, asks(body))
    assert caught.value.status == 400


async def test_a_provider_without_vectors_says_so():
    with pytest.raises(GatewayError, match="'deepseek' does not offer the embedContent API"):
        await once({"provider": {"type": "deepseek", "apiTokens": ["k"]}}, asks(TEXT))

"""ai-context-limit: what is counted, and how each API is told. The cases O* of tests/conformance say what Higress does."""

import json

import pytest
from fakes import WordCounter
from world import configured, world

from aigw.core.errors import ConfigError, ContextTooLongError
from aigw.metering.tokenizer import TokenCounter

LONG = "a b c d e f"
PATHS = {
    "chat": "/v1/chat/completions",
    "completion": "/v1/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/m:generateContent",
}


def said(text, api="chat"):
    turns = [{"role": "user", "content": text}]
    return {
        "chat": {"model": "m", "messages": turns},
        "completion": {"model": "m", "prompt": text},
        "messages": {"model": "m", "max_tokens": 9, "messages": turns},
        "responses": {"model": "m", "input": text},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": text}]}]},
    }[api]


def limited(most=5, fidelity="safe", **config):
    return world({"ai-context-limit": {"max_context_tokens": most, "buffer_ratio": 1, **config}}, fidelity=fidelity)


@pytest.mark.parametrize("api", PATHS)
async def test_a_prompt_that_is_too_long(api):
    async with limited() as it:
        assert (await it.ask(said("a b c d e", api), path=PATHS[api])).status == 200
        error = await it.refused(said(LONG, api), path=PATHS[api])
        assert isinstance(error, ContextTooLongError)
        assert (error.status, error.tokens, error.limit, error.code) == (400, 6, 5, "context_length_exceeded")
        assert it.exchange.labels.remarks == {"ai-context-limit": "too long: about 6 tokens, at most 5"}


async def test_the_ratio_and_the_status():
    async with limited(buffer_ratio=1.3, error_status_code=413) as it:
        assert (await it.ask(said("a b c d"))).status == 200
        error = await it.refused(said("a b c d e"))
        assert (error.status, error.tokens) == (413, 6)


async def test_zeros_are_the_defaults():
    async with limited(most=10, buffer_ratio=0, error_status_code=0) as it:
        error = await it.refused(said("a b c d e f g h i j"))
        assert (error.status, error.tokens) == (400, 11)


async def test_codex_compacts_on_a_stream_that_only_fails():
    """OpenAI's SDKs want the response to be created before."""
    async with limited() as it:
        seen = await it.ask({**said(LONG, "responses"), "stream": True}, path=PATHS["responses"])
        created, event = seen.events()
        assert created["type"] == "response.created"
        assert (seen.status, seen.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert (event["type"], event["response"]["error"]["code"]) == ("response.failed", "context_length_exceeded")
        assert not it.upstream.sent
        assert (await it.refused({**said(LONG), "stream": True})).status == 400


async def test_results_and_tools_count_and_images_do_not():
    turns = [{"role": "user", "content": "go"}, {"role": "tool", "tool_call_id": "1", "content": "a b"}]
    tool = {"type": "function", "function": {"name": "ls", "description": "lists a folder", "parameters": {}}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 99}}
    asked = {"role": "user", "content": [{"type": "text", "text": "look at this"}, image]}
    async with limited(most=7) as it:
        assert (await it.refused({"model": "m", "messages": turns, "tools": [tool]})).tokens == 3 + 5
        assert await it.status({"model": "m", "messages": [asked]}) == 200
        asked["content"][0]["text"] = "a b c d e f g h"
        assert await it.status({"model": "m", "messages": [asked]}) == 400


async def test_what_asks_no_model_for_an_answer_passes():
    async with limited(most=1) as it:
        assert await it.status(said(LONG, "messages"), path="/v1/messages/count_tokens") == 200
        assert await it.status({"model": "m", "input": LONG}, path="/v1/embeddings") == 200
        assert await it.status(b"a b c d e", content_type="text/plain") == 200


class Broken(WordCounter):
    """A tokenizer whose vocabulary is missing."""

    def count_turns(self, turns, model=""):
        raise ModuleNotFoundError("the vocabularies are missing")

    def ready(self, model=""):
        return False


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
async def test_what_cannot_be_counted_passes(fidelity):
    plugins = {"ai-context-limit": {"max_context_tokens": 1}}
    async with world(plugins, fidelity=fidelity, tokenizer=Broken()) as it:
        assert await it.status(said(LONG) if fidelity == "safe" else b'{"messages": [{]}') == 200


async def test_higress_answers_in_openais_format_whatever_the_api():
    async with limited(fidelity="higress") as it:
        seen = await it.ask(said(LONG, "messages"), path=PATHS["messages"])
        assert (seen.status, seen.headers["content-type"]) == (400, "application/json")
        message = "This model's maximum context length is 5 tokens. Your request had approximately 7 tokens."
        told = {"message": message, "type": "invalid_request_error", "code": "context_length_exceeded"}
        assert json.loads(seen.body) == {"error": told}
        assert await it.status(said(LONG, "gemini"), path=PATHS["gemini"]) == 200


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
async def test_half_of_a_surrogate_pair_is_counted(fidelity):
    body = rb'{"model":"m","messages":[{"role":"user","content":"a b c d e f \ud83d"}]}'
    plugins = {"ai-context-limit": {"max_context_tokens": 5}}
    async with world(plugins, fidelity=fidelity, tokenizer=TokenCounter()) as it:
        assert await it.status(body) == 400


async def test_no_limit():
    async with world({"ai-context-limit": {}}) as it:
        assert await it.status(said(LONG)) == 200


@pytest.mark.parametrize("key, value", [("max_context_tokens", -1), ("buffer_ratio", 11), ("error_status_code", 200)])
def test_what_is_wrong(key, value):
    with pytest.raises(ConfigError, match=key):
        configured({"ai-context-limit": {"max_context_tokens": 1, key: value}})


def test_a_limit_of_0_is_noted():
    (note,) = configured({"ai-context-limit": {}}).notes
    assert "every prompt passes" in note

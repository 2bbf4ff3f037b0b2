"""Texts with half of a surrogate pair, which JSON can write and UTF-8 cannot: whatever field holds one, of whatever
API, and whatever plugin reads it, the gateway answers and its log has no traceback."""

import json
from urllib.parse import urlsplit

from stage.answers import answers, completion
from stage.command import aigw, ended, ready
from stage.raw import RawClient

HALF = "\ud83d"
LONG = HALF + "x" * 400
TURNS = [{"role": "user", "content": LONG}]
CALL = {"id": HALF, "type": "function", "function": {"name": LONG, "arguments": LONG}}
REQUESTS = {
    "/v1/chat/completions": {"messages": TURNS},
    "/v1/messages": {"max_tokens": 5, "system": LONG, "messages": TURNS},
    "/v1/responses": {"input": LONG, "instructions": LONG},
    "/v1/completions": {"prompt": LONG},
    "/v1/embeddings": {"input": [LONG]},
    "/v1/images/generations": {"prompt": LONG},
    "/v1/audio/speech": {"input": LONG, "voice": LONG},
    "/v1/moderations": {"input": LONG},
    "/v1beta/models/gpt-4o:generateContent": {"contents": [{"role": "user", "parts": [{"text": LONG}]}]},
}
FIELDS = [
    {},
    {"model": LONG},
    {"user": LONG, "metadata": {LONG: HALF}},
    {HALF: LONG},
    {"tools": [{"type": "function", "function": {"name": HALF, "parameters": {LONG: LONG}}}], "stop": [LONG]},
    {"messages": [{"role": "assistant", "tool_calls": [CALL]}, {"role": HALF, "name": HALF, "content": LONG}] * 5},
]
SHOWN = ("question", "messages.@reverse.0.content"), ("user", "user"), ("model", "model"), ("tools", "tools")
ATTRIBUTES = [{"key": key, "value_source": "request_body", "value": path, "apply_to_log": True} for key, path in SHOWN]
ANSWER = {"key": "answer", "value_source": "response_body", "value": "choices.0.message.content", "apply_to_log": True}


async def test_no_field_of_no_api_makes_it_fail(tmp_path, provider):
    text = json.dumps({**json.loads(completion("")), "choices": [{"index": 0, "message": {"content": LONG}}]}).encode()
    upstream = await provider(*[answers(text)] * len(REQUESTS) * len(FIELDS) * 2)
    budgets = [{"name": "day", "per": ["session", "day"], "calls": 10_000}]
    plugins = {
        "ai-statistics": {"attributes": [*ATTRIBUTES, ANSWER]},
        "ai-cache": {"redis": {"serviceName": "redis.static"}},
        "ai-budget": {"budgets": budgets, "repetition": {"requests": 9999, "window": "1m"}},
        "ai-proxy": {"provider": {"type": "openai", "apiTokens": ["sk-any"]}},
    }
    config = {"services": {"api.openai.com": upstream.url}, "plugins": plugins}
    statuses = []
    async with aigw(tmp_path, "--port", "0", "--trace", config=config) as process:
        port = urlsplit((await ready(process))["url"]).port
        for path, request in REQUESTS.items():
            for field in FIELDS:
                for stream in (False, True):
                    body = json.dumps({"model": "gpt-4o", "stream": stream, **request, **field}).encode()
                    client = await RawClient.connect(port)
                    statuses.append((await client.request("POST", path, body)).status)
                    await client.close()
        process.terminate()
        code, errors = await ended(process)
    assert (code, "Traceback" in errors) == (0, False), errors
    assert 500 not in statuses
    assert 200 in statuses

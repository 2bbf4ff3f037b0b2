"""Texts with half of a surrogate pair, which JSON can write and UTF-8 cannot: whatever text of a request or an answer has
one, of whatever API, and whatever plugin reads it, the gateway answers, and nothing fails inside."""

import json
import re

import pytest
from stage.answers import answers, error_body
from stage.gateway import serve
from stage.wires import CHAT, COMPLETIONS, GEMINI, MESSAGES, RESPONSES, DashScope

from aigw.books.books import usage_log
from aigw.dialects.paths import read
from aigw.dialects.table import DIALECTS
from aigw.trace.files import read_lines

HALF = "\ud83d"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "enum": ["a"]}}, "required": ["city"]}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"city":"a"}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}
COMMON = {"user": "u", "metadata": {"session": "s"}, "stop": ["x"], "unknown": {"deep": [{"er": "z"}]}}
TURN = [{"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}]
REQUESTS = {
    "/v1/chat/completions": {
        "model": "gpt-4o", **COMMON,
        "messages": [
            {"role": "system", "name": "n", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, IMAGE]},
            {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
            {"role": "user", "content": "and then?"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}},
    },
    "/openai/deployments/gpt/chat/completions": {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"model": "gpt-4o", **COMMON, "prompt": ["a", "b"], "suffix": "c"},
    "/v1/embeddings": {"model": "e", "input": ["a", "b"], "encoding_format": "base64", "user": "u"},
    "/v1/responses": {
        "model": "gpt-4o", **COMMON, "instructions": "Be brief", "previous_response_id": "r1", "store": False,
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
        ],
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": SCHEMA}],
        "text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}},
    },
    "/v1/responses/input_tokens": {"model": "gpt-4o", "instructions": "Be brief", "input": "hi"},
    "/v1/messages": {
        "model": "claude", "max_tokens": 5, "metadata": {"user_id": "u"}, "stop_sequences": ["x"],
        "system": [{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"city": "a"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "done"}]},
                {"type": "text", "text": "and then?"},
            ]},
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}],
    },
    "/v1/messages/count_tokens": {"model": "claude", "system": "s", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/complete": {"model": "claude", "prompt": "Human: hi", "max_tokens_to_sample": 5, "metadata": {"user_id": "u"}},
    "/v1/messages/batches": {"requests": [{"custom_id": "1", "params": {"model": "claude", "messages": []}}]},
    "/v1beta/models/gemini-2.5-flash:generateContent": {
        "contents": [
            *TURN,
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"city": "a"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "done"}}}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief"}]}, "labels": {"session": "s"},
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parameters": SCHEMA}]}],
        "generationConfig": {"stopSequences": ["x"], "responseMimeType": "application/json"},
    },
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent": {"contents": TURN},
    "/v1beta/models/gemini-2.5-flash:countTokens": {"contents": TURN},
    "/v1beta/models/emb:embedContent": {"model": "models/emb", "content": TURN[0], "title": "t"},
    "/v1beta/models/emb:batchEmbedContents": {"requests": [{"model": "models/emb", "content": TURN[0]}]},
    "/v1/images/generations": {"model": "i", "prompt": "a cat", "size": "1x1", "user": "u"},
    "/v1/audio/speech": {"model": "s", "input": "hi", "voice": "v", "instructions": "slow"},
    "/v1/moderations": {"model": "m", "input": ["a", {"type": "text", "text": "b"}]},
    "/v1/rerank": {"model": "r", "query": "q", "documents": ["a", {"text": "b"}]},
    "/v1/fine_tuning/jobs": {"model": "m", "training_file": "f", "suffix": "x"},
    "/v1/videos": {"model": "v", "prompt": "a cat", "seconds": "4"},
}  # fmt: skip
"""All texts that plugins look for, of every API with a dialect of its own and some others."""
WIRES = [CHAT, COMPLETIONS, MESSAGES, RESPONSES, GEMINI, DashScope(incremental=True), DashScope(incremental=False)]


def with_half(value):
    """The value with half of a pair in one of its texts: once for each text, names included."""
    if isinstance(value, str):
        yield HALF + value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from ([*value[:index], changed, *value[index + 1 :]] for changed in with_half(item))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield {(name + HALF if key == name else key): each for key, each in value.items()}
            yield from ({**value, name: changed} for changed in with_half(item))


def half_in_events(raw):
    """The events with half of a pair in one of the texts of one of them."""
    for data in re.finditer(rb"(?m)^data: (\{.*\})$", raw):
        for changed in with_half(json.loads(data[1])):
            yield raw[: data.start(1)] + json.dumps(changed).encode() + raw[data.end(1) :]


def test_each_api_of_the_table_is_tried():
    of_no_client = {"gemini/v1beta/models", "bedrock/converse", "bedrock/conversestream"}  # the first one is a GET
    assert {read(path).api for path in REQUESTS} >= DIALECTS.keys() - of_no_client
    assert len(list(with_half(REQUESTS["/v1/chat/completions"]))) > 50


SHOWN = ("question", "messages.@reverse.0.content"), ("user", "user"), ("model", "model"), ("tools", "tools")
ATTRIBUTES = [{"key": key, "value_source": "request_body", "value": path, "apply_to_log": True} for key, path in SHOWN]
ATTRIBUTES += [
    {
        "key": key,
        "value_source": source,
        "value": "choices.0.message.content",
        "apply_to_log": True,
        "apply_to_span": True,
    }
    for key, source in (("answer", "response_body"), ("said", "response_streaming_body"))
]
REDIS = {"serviceName": "redis.static", "servicePort": 6379}
RULES = [{"limit_by_per_header": "x-mse-consumer", "limit_keys": [{"key": "*", "token_per_day": 10**9}]}]
SETTINGS = [
    ("safe", {"attributes": ATTRIBUTES}),
    ("safe", {"use_default_attributes": True}),
    ("higress", {"use_default_attributes": True}),
]


def everything(proxy, fidelity, statistics):
    """A gateway with each plugin that reads texts."""
    plugins = {
        "model-router": {"addProviderHeader": "x-provider", "modelToHeader": "x-model"},
        "model-mapper": {"modelMapping": {"a": "b"}},
        "ai-statistics": statistics,
        "ai-cache": {"redis": REDIS},
        "ai-token-ratelimit": {
            "rule_name": "r", "rule_items": RULES, "redis": {"service_name": "redis.static", "service_port": 6379},
        },
        "ai-budget": {
            "budgets": [{"name": "day", "per": ["session", "day"], "tokens": 10**9}],
            "repetition": {"requests": 9999, "window": "1m"}, "redis": {"service_name": "redis.static"},
        },
        "ai-proxy": {"provider": proxy},
    }  # fmt: skip
    if fidelity == "higress":
        del plugins["ai-budget"]
    return plugins


async def statuses(running, requests):
    """The statuses of the answers, each read to its end."""
    for path, body in requests:
        yield (await running.request("POST", path, body, x_mse_consumer="ann")).status


PROVIDERS = {
    "openai": {"type": "openai", "apiTokens": ["sk-any", "sk-other"]},
    "azure": {"type": "azure", "apiTokens": ["sk-any"], "azureServiceUrl": "http://api.openai.com?api-version=1"},
    "gemini": {"type": "gemini", "apiTokens": ["sk-any"], "providerDomain": "http://api.openai.com"},
    "qwen": {
        "type": "qwen",
        "apiTokens": ["sk-any"],
        "qwenEnableCompatible": False,
        "providerDomain": "http://api.openai.com",
    },
    "builtin": {"type": "builtin", "modelMapping": {"*": "echo"}},
}
TRIED = [(name, *SETTINGS[1]) for name in PROVIDERS] + [("openai", *setting) for setting in (SETTINGS[0], SETTINGS[2])]
TRIED += [("qwen", *SETTINGS[2]), ("azure", *SETTINGS[2])]


@pytest.mark.parametrize("number", range(len(TRIED)), ids=["-".join(tried[:2]) for tried in TRIED])
async def test_in_no_text_of_a_request(tmp_path, provider, part, number):
    proxy, fidelity, statistics = TRIED[number]
    upstream = await provider(answers(WIRES[-1].plain(["Hi"])) if proxy == "qwen" else answers())
    config = {
        "services": {"api.openai.com": upstream.url},
        "plugins": everything(PROVIDERS[proxy], fidelity, statistics),
        "fidelity": fidelity,
    }
    requests = [
        (path, json.dumps({**changed, "stream": place % 2 == 1}).encode())
        for path, body in REQUESTS.items()
        for place, changed in part(list(enumerate(with_half(body))), number)
    ]
    async with serve(config, folder=tmp_path, trace=True) as running:
        seen = [status async for status in statuses(running, requests)]
        pages = [(await running.request("GET", f"/-/{page}")).status for page in ("metrics", "usage", "config")]
    assert 200 in seen
    assert pages == [200] * 3
    if fidelity == "safe":
        assert 500 not in seen
    assert len((tmp_path / "access.jsonl").read_text().splitlines()) == len(requests)
    assert len(list(read_lines(tmp_path))) == len(requests)
    assert len(list(usage_log(tmp_path).read())) == len(requests)


CASES = [(wire, stream, "safe") for wire in WIRES for stream in (False, True)]
CASES += [(wire, stream, "higress") for wire in (CHAT, MESSAGES, WIRES[-1]) for stream in (False, True)]


@pytest.mark.parametrize(("wire", "stream", "fidelity"), CASES)
async def test_in_no_text_of_an_answer(tmp_path, provider, gateway, wire, stream, fidelity):
    errors = [json.dumps(changed).encode() for changed in with_half(json.loads(error_body()))]
    texts = ["one ", "two"]
    if stream:
        bodies = list(half_in_events(b"".join(wire.events(texts))))
    else:
        bodies = [json.dumps(changed).encode() for changed in with_half(json.loads(wire.plain(texts)))]
    said = [(200, body) for body in bodies] + [(status, error) for error in errors for status in (200, 429)]

    async def script(peer):
        status, body = said[int(re.search(rb"half (\d+)", await peer.body())[1])]
        await peer.answer(body, status, kind="text/event-stream" if stream and body in bodies else "application/json")

    upstream = await provider(script)
    config = wire.config(upstream.url, {})
    plugins = everything(config["plugins"]["ai-proxy"]["provider"], fidelity, {"use_default_attributes": True})
    running = await gateway(
        {**config, "plugins": plugins, "fidelity": fidelity}, folder=tmp_path / "state", trace=True, keeps=True
    )
    requests = [
        (wire.stream_path if streams else wire.path, json.dumps(wire.body(f"half {number}", stream=streams)).encode())
        for number in range(len(said))
        for streams in (stream, True, False)  # the others may be answered from the cache
    ]
    seen = [status async for status in statuses(running, requests)]
    assert len(upstream.requests) >= len(said)
    assert 200 in seen
    assert 500 not in seen

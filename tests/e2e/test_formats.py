"""Every plugin works for the clients of every format on a provider that speaks it: what it does to a chat it does to
Messages, Responses and Gemini."""

from __future__ import annotations

import json

import pytest
from stage.answers import answers, chunk, streams
from stage.wires import CHAT, CONSUMER, COUNTING_GEMINI, INPUT, MESSAGES, MODEL, OUTPUT, RESPONSES, typed

from aigw.core.stores import Service

TEXTS = ["Hel", "lo"]
USED = INPUT + OUTPUT
REDIS = {"service_name": "redis.static", "service_port": 6379}
GEMINI = COUNTING_GEMINI
WIRES = [CHAT, MESSAGES, RESPONSES, GEMINI]
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
WIRE = pytest.mark.parametrize("wire", WIRES, ids=str)


@pytest.fixture
def behind(provider, gateway):
    """A provider that answers TEXTS, behind plugins."""

    async def start(wire, *, stream=False, script=None, fidelity="safe", **plugins):
        script = script or (streams(*wire.events(TEXTS)) if stream else answers(wire.plain(TEXTS)))
        upstream = await provider(script)
        named = {name.replace("_", "-"): settings for name, settings in plugins.items()}
        return await gateway(wire.config(upstream.url, named, fidelity=fidelity)), upstream

    return start


async def ask(running, wire, body=None, *, stream=False, path=""):
    """One request with the body, or else the format's own, on a bare connection."""
    body = wire.body(stream=stream) if body is None else body
    path = path or (wire.stream_path if stream else wire.path)
    return await running.request("POST", path, json.dumps(body).encode(), **CONSUMER)


async def texts_of(wire, running, *, stream):
    """What the client of this format gets."""
    return "".join([text async for text in wire.read(running)]) if stream else await wire.text(running)


def counter_of(running):
    return running.env.stores.counter(Service("redis.static", 6379))


# ai-cache


@pytest.mark.parametrize("again", [False, True], ids=["plain", "stream"])
@STREAM
@WIRE
async def test_a_repeated_question_is_answered_from_the_cache(behind, wire, stream, again):
    """In its own form and in the other one."""
    running, upstream = await behind(
        wire, script=forms(wire), ai_cache={"redis": {"serviceName": "redis.static", "servicePort": 6379}}
    )
    assert await texts_of(wire, running, stream=stream) == "Hello"
    assert await texts_of(wire, running, stream=again) == "Hello"
    assert len(upstream.requests) == 1


def forms(wire):
    """A provider that answers in the form that is asked for."""

    async def script(peer):
        asked = await peer.body()
        stream = b'"stream": true' in asked or b'"stream":true' in asked or "stream" in peer.request.target
        await (streams(*wire.events(TEXTS)) if stream else answers(wire.plain(TEXTS)))(peer)

    return script


# ai-token-ratelimit, ai-quota

TOO_MANY = {
    CHAT: ("error", "code", "rate_limit_exceeded"),
    MESSAGES: ("error", "type", "rate_limit_error"),
    RESPONSES: ("error", "code", "rate_limit_exceeded"),
    GEMINI: ("error", "status", "RESOURCE_EXHAUSTED"),
}


@STREAM
@WIRE
async def test_tokens_are_limited(behind, wire, stream):
    limit = {"rule_name": "r", "global_threshold": {"token_per_day": USED - 1}, "redis": REDIS}
    running, upstream = await behind(wire, stream=stream, ai_token_ratelimit=limit)
    body = {
        **wire.body(stream=stream),
        **({"generationConfig": {"maxOutputTokens": 1}} if wire is GEMINI else MOST[wire]),
    }
    answer = await ask(running, wire, body, stream=stream)
    assert (answer.status, b"Hel" in answer.body) == (200, True)
    (key,) = [key async for key in counter_of(running).keys("")]
    (count,) = await counter_of(running).read(key)
    assert (count.used, count.held) == (USED, 0)
    refused = await ask(running, wire, body, stream=stream)
    outer, inner, code = TOO_MANY[wire]
    assert (refused.status, refused.json()[outer][inner], len(upstream.requests)) == (429, code, 1)


MOST = {CHAT: {"max_tokens": 1}, MESSAGES: {"max_tokens": 1}, RESPONSES: {"max_output_tokens": 1}}


@STREAM
@WIRE
async def test_a_quota_is_spent(behind, wire, stream):
    ends = ["/completions", "/messages", "/responses", ":generateContent", ":streamGenerateContent"]
    quota = {"admin_consumer": "root", "redis": REDIS, "enable_path_suffixes": ends}
    running, upstream = await behind(wire, stream=stream, ai_quota=quota)
    await counter_of(running).put("chat_quota:ann", USED + 1)
    assert [(await ask(running, wire, stream=stream)).status for _ in range(3)] == [200, 200, 403]
    (left,) = await counter_of(running).read("chat_quota:ann")
    assert (left.used, left.held, len(upstream.requests)) == (1 - USED, 0, 2)


# ai-budget


def circle(wire, times):
    """A conversation in which the model made the same call again and again."""
    call, result = "weather", "20 degrees"
    if wire is CHAT:
        function = {"name": call, "arguments": '{"city": "Rome"}'}
        made = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        }
        turns = [made, {"role": "tool", "tool_call_id": "c", "content": result}] * times
        return {**wire.body(), "messages": [*wire.body()["messages"], *turns]}
    if wire is MESSAGES:
        use = {"type": "tool_use", "id": "c", "name": call, "input": {"city": "Rome"}}
        brought = {"type": "tool_result", "tool_use_id": "c", "content": result}
        turns = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [brought]}] * times
        return {**wire.body(), "messages": [*wire.body()["messages"], *turns]}
    if wire is RESPONSES:
        made = {"type": "function_call", "call_id": "c", "name": call, "arguments": '{"city": "Rome"}'}
        turns = [made, {"type": "function_call_output", "call_id": "c", "output": result}] * times
        return {**wire.body(), "input": [{"role": "user", "content": "Hello!"}, *turns]}
    made = {"role": "model", "parts": [{"functionCall": {"name": call, "args": {"city": "Rome"}}}]}
    brought = {"role": "user", "parts": [{"functionResponse": {"name": call, "response": {"temp": result}}}]}
    return {"contents": [*wire.body()["contents"], *[made, brought] * times]}


@WIRE
async def test_an_agent_that_runs_in_a_circle_is_stopped(behind, wire):
    running, upstream = await behind(wire, ai_budget={"repetition": {"tool_calls": 3}})
    assert (await ask(running, wire, circle(wire, 2))).status == 200
    refused = await ask(running, wire, circle(wire, 3))
    assert (refused.status, refused.headers["x-should-retry"], len(upstream.requests)) == (403, "false", 1)
    assert "weather" in refused.json()["error"]["message"]


# model-router, model-mapper

AUTO = "higress/auto"
RULES = {"enable": True, "defaultModel": "small", "rules": [{"pattern": "(?i)weather", "model": "large"}]}


def asking_for(wire, model, prompt="Hello!"):
    """A body that asks a model, and the path."""
    if wire is GEMINI:
        return wire.body(prompt), wire.path.replace(MODEL, model)
    return {**wire.body(prompt), "model": model}, wire.path


def asked_for(upstream, wire):
    """The model that the provider was asked for."""
    request = upstream.requests[-1]
    if wire is GEMINI:
        assert "model" not in request.json()
        return request.target.rpartition("/models/")[2].partition(":")[0]
    return request.json()["model"]


@pytest.mark.parametrize(("prompt", "model"), [("How is the weather?", "large"), ("Hello!", "small")])
@WIRE
async def test_the_last_question_chooses_the_model(behind, wire, prompt, model):
    running, upstream = await behind(wire, model_router={"autoRouting": RULES})
    body, path = asking_for(wire, AUTO, prompt)
    assert (await ask(running, wire, body, path=path)).status == 200
    assert asked_for(upstream, wire) == model
    assert upstream.requests[-1].headers["x-higress-llm-model"] == model


@WIRE
async def test_a_model_names_its_provider(behind, wire):
    running, upstream = await behind(wire, model_router={"addProviderHeader": "x-provider", "modelToHeader": "x-model"})
    body, path = asking_for(wire, "acme/m-1")
    assert (await ask(running, wire, body, path=path)).status == 200
    headers = upstream.requests[-1].headers
    assert (asked_for(upstream, wire), headers["x-provider"], headers["x-model"]) == ("m-1", "acme", "acme/m-1")


@STREAM
@WIRE
async def test_a_provider_maps_models(provider, gateway, wire, stream):
    upstream = await provider(streams(*wire.events(TEXTS)) if stream else answers(wire.plain(TEXTS)))
    running = await gateway(wire.config(upstream.url, {}, settings={"modelMapping": {MODEL: "org/big"}}))
    assert (await ask(running, wire, stream=stream)).status == 200
    assert asked_for(upstream, wire) == ("org%2Fbig" if wire is GEMINI else "org/big")


@WIRE
async def test_a_model_is_mapped(behind, wire):
    running, upstream = await behind(wire, model_mapper={"modelMapping": {"m-*": "org/big"}})
    body, path = asking_for(wire, "m-1")
    assert (await ask(running, wire, body, path=path)).status == 200
    assert asked_for(upstream, wire) == ("org%2Fbig" if wire is GEMINI else "org/big")
    assert upstream.requests[-1].headers["x-higress-llm-model-final"] == "org/big"


# ai-statistics


async def logged(running, answer):
    """The ai_log of the last request."""
    assert answer.status == 200
    await running.edge.settled()
    return running.outer.exchanges[-1].labels.ai_log


STATISTICS = {"use_default_attributes": True, "enable_path_suffixes": ["*"]}
CALL = {"name": "weather", "arguments": '{"city": "Rome"}'}


@STREAM
@WIRE
async def test_usage_is_logged_and_counted(behind, wire, stream):
    running, _ = await behind(wire, stream=stream, ai_statistics={}, outer={})
    log = await logged(running, await ask(running, wire, stream=stream))
    assert (log["input_token"], log["output_token"], log["total_token"]) == (INPUT, OUTPUT, USED)
    assert (log["response_type"], log["chat_round"]) == ("stream" if stream else "normal", int(wire is not RESPONSES))
    counts = {name: count for (name, _), count in running.env.metrics.counts().items()}
    assert (counts["input_token"], counts["output_token"], counts["total_token"]) == (INPUT, OUTPUT, USED)
    assert (counts["llm_duration_count"], counts.get("llm_stream_duration_count", 0)) == (1, int(stream))


@STREAM
@WIRE
async def test_question_and_answer_stand_where_higress_looks_for_them(behind, wire, stream):
    """In chats and Messages; it has no paths for the texts of the others."""
    running, _ = await behind(wire, stream=stream, ai_statistics=STATISTICS, outer={})
    log = await logged(running, await ask(running, wire, stream=stream))
    known = wire in (CHAT, MESSAGES)
    assert (log.get("question"), log.get("answer")) == (("Hello!", "Hello") if known else (None, None))


def calling(wire):
    """A stream that calls CALL in two pieces."""
    first, last = CALL["arguments"][:5], CALL["arguments"][5:]
    if wire is CHAT:
        function = {"name": CALL["name"], "arguments": first}
        begun = chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]})
        pieces = [begun, chunk({"tool_calls": [{"index": 0, "function": {"arguments": last}}]})]
        return [*pieces, chunk({}, "tool_calls"), *wire.closing(TEXTS)[1:]]
    use = {"type": "tool_use", "id": "c", "name": CALL["name"], "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in (first, last)]
    return [
        wire.opening()[0],
        typed("content_block_start", index=0, content_block=use),
        *(typed("content_block_delta", index=0, delta=delta) for delta in deltas),
        *wire.closing(TEXTS),
    ]


@pytest.mark.parametrize(("wire", "kind"), [(CHAT, "function"), (MESSAGES, "tool_use")], ids=str)
async def test_the_calls_of_a_stream_are_put_together(behind, wire, kind):
    running, _ = await behind(wire, script=streams(*calling(wire)), ai_statistics=STATISTICS, outer={})
    log = await logged(running, await ask(running, wire, stream=True))
    assert log["tool_calls"] == [{"id": "c", "type": kind, "function": CALL}]

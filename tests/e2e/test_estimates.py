"""What an answer costs whose provider told no usage, or was left before it did: limit, quota, budget and the usage row say
the same number, in every format."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest
from stage.answers import answers, streams
from stage.gateway import until
from stage.raw import encode
from stage.wires import (
    CHAT,
    COMPLETIONS,
    CONSUMER,
    COUNTING_GEMINI,
    GEMINI,
    INPUT,
    MESSAGES,
    MODEL,
    PIECE,
    RESPONSES,
    DashScope,
    stays_open,
)

from aigw.core.stores import Service
from aigw.dialects.reader import NAMED_SOON
from aigw.metering.tokenizer import TokenCounter

TEXTS = ["Straßenbahn ", "電車が来る。 "]
"""No words that all vocabularies cut alike."""
GIVEN = 1_000_000
REDIS = {"service_name": "redis.static", "service_port": 6379}
LIMIT = {"rule_name": "r", "global_threshold": {"token_per_day": GIVEN}, "redis": REDIS}
PLUGINS = {
    "ai-quota": {
        "admin_consumer": "root",
        "redis": REDIS,
        "enable_path_suffixes": ["/completions", "/messages", "/responses", "generateContent", "GenerateContent"],
    },
    "ai-budget": {"budgets": [{"name": "all", "tokens": GIVEN}, {"name": "cost", "usd": 1}], "redis": REDIS},
    "ai-token-ratelimit": LIMIT,
}
PRICES = {"*": {"input": 1, "output": 1, "cacheRead": 1}}
"""A millionth of a dollar a token."""


async def left(wire, provider, gateway, leave=None, *, fidelity="safe", texts=TEXTS):
    """What is charged to a client that leaves once it has got `texts`: by the limit, the quota, the budgets in tokens and
    in millionths of a dollar; its row; and what the provider was sent."""
    upstream = await provider(stays_open(*wire.opening(), *map(wire.piece, texts)))
    config = wire.config(upstream.url, PLUGINS, prices=PRICES, fidelity=fidelity)
    running = await gateway(config, keeps=True)
    counter = running.env.stores.counter(Service("redis.static", 6379))
    await counter.put("chat_quota:ann", GIVEN)
    await (leave or leave_behind)(wire, running, texts)
    await upstream.all_closed()
    await running.edge.settled()
    await until(lambda: running.rows != [])
    keys = [key async for key in counter.keys("")]
    counts = dict(zip(keys, await counter.read(*keys), strict=True))
    assert {count.held for count in counts.values()} == {0}
    (limit,) = [count.used for key, count in counts.items() if key.startswith("higress-token-ratelimit")] or [0]
    (tokens,) = [count.used for key, count in counts.items() if ":used:all:" in key]
    (cost,) = [count.used / 1000 for key, count in counts.items() if ":used:cost:" in key]
    spent = [limit, GIVEN - counts["chat_quota:ann"].used, tokens, round(cost, 6)]
    return spent, running.rows[0], upstream.requests[0].json()


async def leave_behind(wire, running, texts):
    """With the client of this format, once it has got the texts."""
    seen = []
    async with aclosing(wire.read(running)) as stream:
        async for text in stream:
            seen.append(text)
            if "".join(seen) == "".join(texts):
                break


async def leave_at_once(wire, running, texts):
    """When the first bytes of the stream have come."""
    await leave_bare(running, wire.stream_path, wire.body(stream=True))


async def leave_when_said(wire, running, texts):
    """When the last of the texts has come, to a client with tools."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    await leave_bare(running, wire.path, {**wire.body(stream=True), "tools": tools}, texts[-1])


async def leave_bare(running, path, body, until_said=""):
    client = await running.connect()
    await client.send(encode("POST", path, json.dumps(body, ensure_ascii=False).encode(), **CONSUMER))
    await client.head()
    while until_said.encode() not in await client.chunk():
        pass
    await client.close()


@pytest.mark.parametrize("wire", [CHAT, COMPLETIONS, MESSAGES, RESPONSES, GEMINI], ids=str)
async def test_it_costs_what_was_produced(provider, gateway, wire):
    spent, row, _ = await left(wire, provider, gateway)
    counter = TokenCounter()
    asked = INPUT if wire is MESSAGES else counter.count_turns(wire.prompt, MODEL)
    made = counter.count("".join(TEXTS), MODEL)
    assert (row.outcome, row.tokens.source) == ("aborted", "estimated")
    assert (row.tokens.input, row.tokens.output) == (asked, made)
    assert spent == [asked + made] * 4
    assert row.cost == pytest.approx((asked + made) / 1e6)


@pytest.mark.parametrize("texts", [TEXTS, TEXTS * NAMED_SOON], ids=["short", "long"])
@pytest.mark.parametrize("wire", [COUNTING_GEMINI, DashScope(incremental=True)], ids=str)
async def test_what_the_provider_told_last_stands(provider, gateway, wire, texts):
    """Each event tells the usage so far; a long answer has more events than those in which a model is looked for."""
    spent, row, _ = await left(wire, provider, gateway, texts=texts)
    made = PIECE * len(texts)
    assert (row.tokens.source, row.tokens.input, row.tokens.output) == ("reported", INPUT, made)
    assert spent == [INPUT + made] * 4


async def test_what_it_told_of_the_input_stands_where_it_told_too_little_of_the_output(provider, gateway):
    spent, row, _ = await left(DashScope(incremental=True, told=1), provider, gateway)
    made = TokenCounter().count("".join(TEXTS), MODEL)
    assert (row.tokens.source, row.tokens.input, row.tokens.output) == ("estimated", INPUT, made)
    assert spent == [INPUT + made] * 4


@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES], ids=str)
async def test_a_stream_that_has_only_begun_has_used_its_prompt(provider, gateway, wire):
    spent, row, _ = await left(wire, provider, gateway, leave_at_once, texts=[])
    asked, made = (INPUT, 1) if wire is MESSAGES else (TokenCounter().count_turns(wire.prompt, MODEL), 0)
    assert (row.outcome, row.tokens.input, row.tokens.output) == ("aborted", asked, made)
    assert spent == [asked + made] * 4


async def test_a_native_stream_that_repeats_its_text(provider, gateway):
    """Higress asks for one where there are tools; its limits charge nothing for an answer without an end."""
    wire = DashScope(incremental=False, told=1)
    spent, row, sent = await left(wire, provider, gateway, leave_when_said, fidelity="higress")
    assert sent["parameters"]["tools"]
    assert "incremental_output" not in sent["parameters"]
    made = TokenCounter().count("".join(TEXTS), MODEL)
    assert (row.tokens.source, row.tokens.input, row.tokens.output) == ("estimated", INPUT, made)
    assert spent == [0, 0, INPUT + made, INPUT + made]


CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Wie wird das Wetter in 東京?"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "東京"}'}}]},
    {"role": "tool", "tool_call_id": "c", "content": "20 °C"},
    {"role": "user", "content": [{"type": "text", "text": "Und morgen?"}]},
]  # fmt: skip


async def silent(wire, provider, gateway, *, stream):
    """The row of CONVERSATION with a provider that tells no usage."""
    plain = {name: value for name, value in json.loads(wire.plain(TEXTS)).items() if name != "usage"}
    events = [event for event in wire.events(TEXTS) if b'"usage": {' not in event]
    upstream = await provider(streams(*events) if stream else answers(json.dumps(plain).encode()))
    running = await gateway(wire.config(upstream.url, {"ai-token-ratelimit": LIMIT}), keeps=True)
    body = {"model": MODEL, "messages": CONVERSATION, "stream": stream}
    await running.request("POST", wire.path, json.dumps(body).encode())
    await until(lambda: running.rows != [])
    assert (b'"input"' in upstream.requests[0].body) == isinstance(wire, DashScope)
    return running.rows[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_native_prompt_is_its_messages(provider, gateway, stream):
    """It counts as the chat request that it was made of, not as the JSON in which it is sent."""
    chat = await silent(CHAT, provider, gateway, stream=stream)
    native = await silent(DashScope(incremental=True, told=None), provider, gateway, stream=stream)
    count = TokenCounter().count
    assert native.tokens == chat.tokens
    assert (native.tokens.source, native.tokens.output) == ("estimated", count("".join(TEXTS), MODEL))
    assert count(CONVERSATION[1]["content"], MODEL) < native.tokens.input < count(json.dumps(CONVERSATION), MODEL)

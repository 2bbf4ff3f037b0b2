"""Every plugin works for a client whose provider speaks another format: plugins see the client's own format, and count
what the provider counts."""

from __future__ import annotations

import json
import re

import pytest
from stage.gateway import until
from stage.taped import CLOSED
from stage.vendors.table import VENDORS
from stage.wires import CHAT, CONSUMER, GEMINI, MESSAGES, RESPONSES

REDIS = {"serviceName": "redis.static", "servicePort": 6379}
PAIRS = [
    pytest.param(wire, VENDORS[vendor], id=f"{wire.name} on {vendor}")
    for wire, vendor in (
        (MESSAGES, "kimi"), (RESPONSES, "deepseek"), (GEMINI, "anthropic"), (CHAT, "anthropic"), (CHAT, "bedrock"),
        (RESPONSES, "dashscope"),
    )
]  # fmt: skip
LOST = {
    "messages": {"top_k": 3},
    "responses": {"truncation": "auto"},
    "gemini": {"safetySettings": [{}]},
    "chat": {"seed": 3},
}
"""Fields that other formats do not have."""
pytestmark = pytest.mark.parametrize(("wire", "kind"), PAIRS)
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture
async def start(provider, gateway, wire, kind):
    """Starts a vendor and a gateway with these plugins in front of it."""

    async def started(**plugins):
        vendor = kind()
        upstream = await provider(vendor)
        config = vendor.config(upstream.url)
        named = {name.replace("_", "-"): settings for name, settings in plugins.items()}
        config["plugins"] = {**named, **config["plugins"]}
        guard = {"rules": [{"label": "names", "words": ["project bluebird"]}]}
        running = await gateway({**config, "guard": guard}, keeps=True)
        return running, vendor

    return started


async def ask(running, wire, prompt, *, stream):
    body = json.dumps(wire.body(prompt, stream=stream)).encode()
    path = wire.stream_path if stream else wire.path
    return await running.request("POST", path, body, **CONSUMER, authorization="Bearer me")


@STREAM
async def test_the_cache_answers_in_either_form(wire, kind, stream, start):
    running, vendor = await start(ai_cache={"redis": REDIS})
    first = await ask(running, wire, "stage: say A robin is a bird.", stream=stream)
    again = await ask(running, wire, "stage: say A robin is a bird.", stream=stream)
    other = await ask(running, wire, "stage: say A robin is a bird.", stream=not stream)
    assert [answer.headers["x-aigw-cache"].partition(";")[0] for answer in (first, again, other)] == [
        "miss",
        "hit",
        "hit",
    ]
    assert all(b"robin" in answer.body.replace(b'"', b"") or len(answer.body) > 99 for answer in (first, again, other))
    assert len(vendor.bodies) == 1
    assert vendor.refused == []


@STREAM
async def test_what_the_provider_counts_is_written_down(wire, kind, stream, start):
    running, _ = await start(ai_statistics={"attributes": []})
    await ask(running, wire, "stage: say A robin is a bird.", stream=stream)
    await until(lambda: running.rows)
    (row,) = running.rows
    assert (row.status, row.tokens.source) == (200, "reported")
    assert row.tokens.prompt > 1 and row.tokens.output > 1


@STREAM
async def test_a_limit_refuses_in_the_clients_format(wire, kind, stream, start):
    limits = {
        "rule_name": "r",
        "rule_items": [{"limit_by_header": "x-mse-consumer", "limit_keys": [{"key": "ann", "token_per_minute": 1}]}],
        "redis": {"service_name": "redis.static"},
    }
    running, vendor = await start(ai_token_ratelimit=limits)
    first = await ask(running, wire, "stage: say Hi", stream=stream)
    second = await ask(running, wire, "stage: say Hi", stream=stream)
    assert (first.status, second.status) == (200, 429)
    assert "error" in second.json()
    assert len(vendor.bodies) == 1


@STREAM
async def test_the_guard_reads_and_stops_both_ways(wire, kind, stream, start):
    running, vendor = await start(ai_security_guard={"checkRequest": True, "checkResponse": True})
    asked = await ask(running, wire, "tell me of project bluebird", stream=stream)
    assert vendor.bodies == []
    assert "bluebird" not in asked.body.decode()
    said = await ask(
        running, wire, "stage: say A word: project  bluebird and mail jane.sample" + "@example.com now", stream=stream
    )
    assert "jane.sample" not in said.body.decode()
    assert said.status == 200


@STREAM
async def test_a_decorator_adds_its_turns(wire, kind, stream, start):
    decorator = {"prepend": [{"role": "system", "content": "Be a robin."}], "append": []}
    running, vendor = await start(ai_prompt_decorator=decorator)
    answer = await ask(running, wire, "stage: say Hi", stream=stream)
    assert answer.status == 200
    assert "Be a robin." in json.dumps(vendor.bodies[0])
    assert vendor.refused == []


async def test_a_budget_counts_what_a_session_spends(wire, kind, start):
    running, _ = await start(ai_budget={"budgets": [{"name": "b", "per": "consumer", "tokens": 1}]})
    first = await ask(running, wire, "stage: say Hi", stream=True)
    second = await ask(running, wire, "stage: say Hi", stream=True)
    assert (first.status, second.status // 100) == (200, 4)


@STREAM
async def test_what_is_recorded_answers_again_without_the_provider(wire, kind, stream, provider, taped):
    vendor = kind()
    upstream = await provider(vendor)
    running = await taped("record", config=vendor.config(upstream.url))
    first = await ask(running, wire, "stage: say A robin is a bird.", stream=stream)
    assert len(await taped.written(running)) == 1
    replaying = await taped("replay", config=vendor.config(CLOSED))
    again = await ask(replaying, wire, "stage: say A robin is a bird.", stream=stream)
    assert first.status == again.status == 200
    assert len(vendor.bodies) == 1
    assert said(again) == said(first)


def said(answer):
    """The answer without what differs in each."""
    return re.sub(rb'"(created|created_at)":\d+|[0-9a-f]{32}', b"", answer.body)


async def test_what_is_lost_is_told(wire, kind, start):
    running, _ = await start()
    body = {**wire.body("stage: say Hi"), **LOST[wire.name]}
    answer = await running.request("POST", wire.path, json.dumps(body).encode(), **CONSUMER)
    assert next(iter(LOST[wire.name])) in answer.headers["x-aigw-lost"]

"""ai-budget with real clients and processes: a refusal is final, and what was spent outlives the gateway."""

import asyncio
import json
import os
import signal
import sys
from urllib.parse import urlsplit

import openai
import pytest
from openai import DefaultAsyncHttpxClient
from redis_server import redis_server
from stage.answers import CHAT, MESSAGES, PATH, answers, streams, text_events
from stage.command import aigw, environment_of_tests, ready
from stage.gateway import proxied
from stage.raw import RawClient

PRICES = {"prices": {"*": {"input": 1_000_000, "output": 1_000_000}}}
ASK = json.dumps({"model": "mock", "max_tokens": 3, "messages": MESSAGES}).encode()
"""Costs 8 input tokens or so, and 3 of output."""


@pytest.fixture
def budgeted(provider, gateway):
    """A scripted provider behind ai-budget."""

    async def start(*scripts, **budget):
        upstream = await provider(*scripts)
        config = proxied(upstream.url)
        config["plugins"] = {"ai-budget": budget, **config["plugins"]}
        return await gateway({**config, **PRICES}), upstream

    return start


def counting(sent):
    async def count(request):
        sent.append(request.headers["x-stainless-retry-count"])

    return DefaultAsyncHttpxClient(trust_env=False, event_hooks={"request": [count]})


@pytest.mark.parametrize("budget", [{"calls": 1}, {"tokens": 3}, {"usd": 0.5}])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_is_final(budgeted, budget, stream):
    """The SDK sends exactly one refused call, whatever it would repeat."""
    script = streams(*text_events("Hi")) if stream else answers()
    running, upstream = await budgeted(script, budgets=[{"name": "all", **budget}])
    sent = []
    client = running.sdk(max_retries=2, http_client=counting(sent))
    answer = await client.chat.completions.create(**CHAT, stream=stream)
    if stream:
        async for _ in answer:
            pass
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(**CHAT, stream=stream)
    assert (sent, len(upstream.requests)) == (["0", "0"], 1)
    assert (caught.value.status_code, caught.value.code, caught.value.type) == (
        402,
        "budget_exceeded",
        "budget_exceeded",
    )
    assert "the budget 'all' is used up" in caught.value.message
    assert "aigw budget raise all" in caught.value.message


async def test_a_circle_is_final(budgeted):
    running, upstream = await budgeted(answers(), repetition={"requests": 2})
    sent = []
    client = running.sdk(max_retries=2, http_client=counting(sent))
    await client.chat.completions.create(**CHAT)
    with pytest.raises(openai.PermissionDeniedError, match="came 2 times within 600 s"):
        await client.chat.completions.create(**CHAT)
    assert (sent, len(upstream.requests)) == (["0", "0"], 1)


async def test_in_anthropics_shape(budgeted):
    running, _ = await budgeted(answers(), budgets=[{"name": "all", "calls": 0}])
    answer = await running.request("POST", "/v1/messages", b'{"model":"m"}', content_type="application/json")
    assert (answer.status, answer.headers["x-should-retry"]) == (402, "false")
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "billing_error"


async def test_names_stay_here_and_browsers_may_see_that_it_is_final(budgeted):
    """The names of runs and sessions are no provider's business."""
    running, upstream = await budgeted(answers(), budgets=[{"name": "b", "per": ["run", "session"], "calls": 1}])
    client = running.sdk(default_headers={"x-aigw-run": "r", "x-aigw-session": "s", "origin": "http://localhost:3000"})
    await client.chat.completions.create(**CHAT)
    assert not [name for name in upstream.requests[0].headers if name.lower().startswith("x-aigw-")]
    with pytest.raises(openai.APIStatusError, match="for run r, session s") as caught:
        await client.chat.completions.create(**CHAT)
    assert "x-should-retry" in caught.value.response.headers["access-control-expose-headers"]


async def test_a_burst_is_held(budgeted):
    """32 at once: no more calls are made than the budget has."""
    running, upstream = await budgeted(answers(), budgets=[{"name": "all", "per": "run", "calls": 5}])
    client = running.sdk(max_retries=2)
    ends = await asyncio.gather(*(client.chat.completions.create(**CHAT) for _ in range(32)), return_exceptions=True)
    assert sum(isinstance(end, openai.APIStatusError) for end in ends) == 27
    assert len(upstream.requests) == 5


CONFIG = {
    "listen": "127.0.0.1:0",
    "prices": {"mock": {"input": 1000, "output": 1000}},
    "plugins": {
        "ai-budget": {
            "budgets": [{"name": "day", "per": "day", "usd": 0.02}, {"name": "run", "per": "run", "calls": 9}]
        },
        "ai-proxy": {"provider": {"type": "builtin"}},
    },
}


async def ask(port, **headers):
    client = await RawClient.connect(port)
    try:
        return (await client.request("POST", PATH, ASK, content_type="application/json", **headers)).status
    finally:
        await client.close()


async def budget(folder, *words):
    """`aigw budget` in a process of its own."""
    command = [sys.executable, "-m", "aigw", "budget", *words, "--json"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment_of_tests() | {"TZ": "UTC"}, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(20):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors
    return json.loads(out)


async def test_it_outlives_a_kill(tmp_path):
    """What was charged when the client had its answer is there after kill -9, and another process may raise it."""
    async with aigw(tmp_path, config=CONFIG) as process:
        port = urlsplit((await ready(process))["url"]).port
        assert [await ask(port), await ask(port)] == [200, 200]
        process.send_signal(signal.SIGKILL)
        await process.wait()
    day, run = await budget(tmp_path, "status")
    assert (day["budget"], day["held"], day["unpriced_calls"]) == ("day", 0, 0)
    assert 0.02 <= day["used"] <= 0.03
    assert (run["used"], run["left"]) == (2, 7)
    async with aigw(tmp_path, config=CONFIG, AIGW_RUN="ci-7") as process:
        port = urlsplit((await ready(process))["url"]).port
        assert await ask(port) == 402
        (raised,) = await budget(tmp_path, "raise", "day", "0.01")
        assert (raised["limit"], raised["raised"]) == (0.03, 0.01)
        assert [await ask(port), await ask(port)] == [200, 402]
        await budget(tmp_path, "reset", "day")
        assert await ask(port) == 200
    lines = await budget(tmp_path, "status")
    assert [line["used"] for line in lines if line["for"] == {"run": "ci-7"}] == [2]


async def test_machines_share_it(tmp_path):
    """Two gateways and one Redis."""
    (tmp_path / "redis").mkdir()
    async with redis_server(tmp_path / "redis") as redis:
        budgets = [{"name": "all", "calls": 5}, {"name": "ann", "per": "consumer", "usd": 1}]
        plugin = {"budgets": budgets, "redis": {"service_name": "redis.static"}}
        plugins = {**CONFIG["plugins"], "ai-budget": plugin}
        config = {**CONFIG, "plugins": plugins, "services": {"redis.static": redis.url}}
        folders = [tmp_path / "one", tmp_path / "two"]
        for folder in folders:
            folder.mkdir()
        async with aigw(folders[0], config=config) as one, aigw(folders[1], config=config) as two:
            ports = [urlsplit((await ready(process))["url"]).port for process in (one, two)]
            statuses = await asyncio.gather(*(ask(port, x_mse_consumer="ann") for port in ports * 6))
            assert sorted(statuses) == [200] * 5 + [402] * 7
            await budget(folders[1], "raise", "all", "1")
            assert await ask(ports[0]) == 200
            lines = await budget(folders[0], "status")
    assert [(line["budget"], line["for"]) for line in lines] == [
        ("all", {}),
        ("ann", {"consumer": "ann"}),
        ("ann", {"consumer": "none"}),
    ]
    assert [(lines[0][name]) for name in ("used", "limit", "held")] == [6, 6, 0]
    assert [line["used"] for line in lines[1:]] == pytest.approx([5 * 0.012, 0.012], rel=0.1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a shared port")
async def test_workers_share_it(tmp_path):
    config = {
        **CONFIG,
        "plugins": {**CONFIG["plugins"], "ai-budget": {"budgets": [{"name": "r", "per": "run", "calls": 5}]}},
    }
    async with aigw(tmp_path, "--workers", "2", config=config) as process:
        port = urlsplit((await ready(process))["url"]).port
        statuses = await asyncio.gather(*(ask(port) for _ in range(24)))
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert sorted(statuses) == [200] * 5 + [402] * 19

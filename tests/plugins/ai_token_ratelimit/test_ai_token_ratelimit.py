"""ai-token-ratelimit at its seams: sequence, bursts, what clients are told, stores that fail.

What Higress did with a whole configuration is played by tests/conformance; the rules are tests/limits'."""

import asyncio
import json

import pytest
from fakes import Answer, FailingStores, answer_json, events
from world import spin, world

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.stores import Service

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
COMPLETION = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}}], "usage": USAGE}
STREAM = events({"choices": [{"index": 0, "delta": {"content": "yo"}}]}, {"choices": [], "usage": USAGE})
ARTICLE = {
    "rule_name": "default_limit_by_param_apikey",
    "rule_items": [
        {"limit_by_per_ip": "from-remote-addr", "limit_keys": [{"key": "0.0.0.0/0", "token_per_minute": 100}]}
    ],
    "redis": {"service_name": "redis.static", "service_port": 6379, "username": "default", "password": "123456"},
    "rejected_code": 429,
    "rejected_msg": '{"code":-1,"msg":"Too many requests"}',
}
KEY = "higress-token-ratelimit:{default_limit_by_param_apikey}:limit_by_per_ip:60:from-remote-addr:127.0.0.1"
SERVICE = Service("redis.static", 6379)
HOUR = {"rule_name": "r", "global_threshold": {"token_per_hour": 100}, "redis": {"service_name": "redis.static"}}


def stage(config=ARTICLE, *script, **how):
    script = script or (answer_json(COMPLETION),)
    return world({"ai-token-ratelimit": config}, *script, question=QUESTION, service=SERVICE, **how)


async def counted(it):
    """What is used and what is held."""
    (count,) = await it.counter.read(KEY)
    return count.used, count.held


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
@pytest.mark.parametrize("answer", [answer_json(COMPLETION), STREAM], ids=["plain", "stream"])
async def test_the_articles_example_refuses_the_fourth_call(fidelity, answer):
    async with stage(ARTICLE, answer, fidelity=fidelity) as it:
        for _ in range(3):
            assert (await it.ask()).status == 200
            it.clock.now += 1
        refusal = await (it.ask() if fidelity == "higress" else it.refused())
        assert (refusal.status, refusal.headers["X-TokenRateLimit-Reset"]) == (429, "57")
        if fidelity == "higress":
            assert refusal.body == b'{"code":-1,"msg":"Too many requests"}'
        assert len(it.upstream.sent) == 3
        assert it.exchange.labels.ai_log == {"token_ratelimit_status": "limited"}
        assert it.exchange.labels.remarks["ai-token-ratelimit"] == "token_ratelimit_status=limited"
        it.clock.now += 57
        assert (await it.ask()).status == 200
        assert await counted(it) == (46, 0)


async def test_a_stream_that_was_read_to_its_last_event_is_counted_for_the_next_request():
    async with stage(ARTICLE, STREAM) as it:
        for _ in range(3):
            exchange, reply = await it.send()
            async for batch in reply:
                if batch[-1].data == b"[DONE]":
                    break
            used, held = await counted(it)
            assert (used % 46, held) == (0, 0)
            await it.close(exchange)
        assert (await it.refused()).status == 429


async def test_what_is_left_stands_on_every_answer():
    async with stage(ARTICLE) as it:
        headers = (await it.ask()).headers
        assert headers["x-ratelimit-limit-tokens"] == "100"
        assert headers["x-ratelimit-remaining-tokens"] == "54"
        assert headers["x-ratelimit-reset-tokens"] == "1m0s"
        await it.ask()
        assert (await it.ask()).headers["x-ratelimit-remaining-tokens"] == "0"


async def test_a_stream_says_what_is_left_beside_what_is_held_for_it():
    async with stage(ARTICLE, STREAM) as it:
        seen = await it.ask({**QUESTION, "max_tokens": 9})
        assert seen.headers["x-ratelimit-remaining-tokens"] == str(100 - 1 - 9)


async def test_the_providers_own_limit_is_told_where_it_is_tighter():
    theirs = {"content-type": "application/json", "x-ratelimit-remaining-tokens": "7"}
    async with stage(ARTICLE, Answer(headers=theirs, pieces=[json.dumps(COMPLETION).encode()])) as it:
        assert (await it.ask()).headers["x-ratelimit-remaining-tokens"] == "7"
    async with stage(ARTICLE, fidelity="higress") as it:
        assert "x-ratelimit-remaining-tokens" not in (await it.ask()).headers


async def test_a_refusal_says_when_to_come_back():
    async with stage(HOUR) as it:
        for _ in range(3):
            await it.ask()
        error = await it.refused()
    assert error.status == 429
    assert error.message == "Too many requests: the limit is 100 tokens per hour; try again in 3600 s"
    assert error.headers == {
        "X-TokenRateLimit-Reset": "3600",
        "Retry-After": "3600",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1h0m0s",
        "x-should-retry": "false",
    }


async def test_a_refusal_for_what_others_hold_is_short():
    async with stage(ARTICLE) as it:
        gate = it.gate()
        first = asyncio.create_task(it.ask(end=gate))
        await gate.arrived(1)
        error = await it.refused()
        assert (error.status, error.headers["Retry-After"], "x-should-retry" in error.headers) == (429, "1", False)
        gate.open()
        assert (await first).status == 200


async def burst(it, number, body):
    """The statuses of requests that are all under way at the same time."""
    gate = it.gate()
    tasks = [asyncio.create_task(it.status(body, end=gate)) for _ in range(number)]
    await spin()
    gate.open()
    return await asyncio.gather(*tasks)


@pytest.mark.parametrize("answer", [answer_json(COMPLETION), STREAM], ids=["plain", "stream"])
async def test_a_burst_overshoots_by_one_estimate_at_most(answer):
    body = {**QUESTION, "max_tokens": 45}  # with its one word an estimate of 46, which is what it takes
    async with stage(ARTICLE, answer) as it:
        statuses = await burst(it, 32, body)
        assert (statuses.count(200), statuses.count(429)) == (3, 29)
        assert await counted(it) == (138, 0)


async def test_a_burst_without_max_tokens_does_not_pass_either():
    async with stage(ARTICLE) as it:
        assert (await burst(it, 32, QUESTION)).count(200) == 1
        assert await counted(it) == (46, 0)


async def test_higress_lets_a_burst_pass():
    async with stage(ARTICLE, fidelity="higress") as it:
        assert (await burst(it, 32, QUESTION)).count(200) == 32
        assert await counted(it) == (138, 0)  # later ones are charged only while the limit holds


async def test_a_failure_leaves_nothing_held():
    broken = Answer(error=UpstreamError(UpstreamFault.RESET, "broke"))
    async with stage(ARTICLE, broken, answer_json(COMPLETION)) as it:
        with pytest.raises(UpstreamError):
            await it.ask()
        assert await counted(it) == (0, 0)
        assert (await it.ask()).status == 200


async def test_the_client_that_leaves_a_stream_is_charged_what_was_made():
    async with stage(ARTICLE, STREAM) as it:
        exchange, reply = await it.send()
        await anext(aiter(reply))
        await it.close(exchange)
        assert await counted(it) == (1 + 1, 0)


async def test_without_counters_requests_pass():
    async with stage(ARTICLE, stores=FailingStores("hold")) as it:
        assert (await it.ask()).status == 200
        assert it.exchange.labels.remarks["ai-token-ratelimit"] == "not limited: redis.static is down"


async def test_without_counters_requests_are_refused_where_that_is_wanted():
    async with stage({**ARTICLE, "fail_closed": True}, stores=FailingStores("hold")) as it:
        assert (await it.refused()).status == 503


async def test_an_answer_that_cannot_be_charged_is_given():
    async with stage(ARTICLE, stores=FailingStores("settle")) as it:
        assert (await it.ask()).status == 200
        assert it.exchange.labels.remarks["ai-token-ratelimit"] == "not charged: redis.static is down"


async def test_nothing_is_asked_for_a_request_that_no_rule_is_about():
    config = {**ARTICLE, "rule_items": [{"limit_by_header": "x", "limit_keys": [{"key": "y", "token_per_day": 1}]}]}
    async with stage(config, stores=FailingStores("hold", "settle")) as it:
        seen = await it.ask()
        assert seen.status == 200
        assert "x-ratelimit-limit-tokens" not in seen.headers

"""ai-quota at its seams: who is refused, what a request costs, bursts, and the admin's API."""

import asyncio

import pytest
from fakes import FailingStores, answer_json, events
from world import spin, world

from aigw.core.errors import ConfigError, GatewayError
from aigw.core.stores import Service
from aigw.plugins.ai_quota.quota import NO_QUOTA

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
COMPLETION = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}}], "usage": USAGE}
STREAM = events({"choices": [{"index": 0, "delta": {"content": "yo"}}]}, {"choices": [], "usage": USAGE})
CONFIG = {"admin_consumer": "admin", "redis": {"service_name": "redis.static"}}
CHAT = "/v1/chat/completions"
BOB = "chat_quota:bob"


def stage(*script, config=(), **how):
    script = script or (answer_json(COMPLETION),)
    service = Service("redis.static", 80)
    return world({"ai-quota": {**CONFIG, **dict(config)}}, *script, question=QUESTION, service=service, **how)


async def admin(it, action, form="", consumer="admin", query=""):
    """The status and the words of an answer of the admin API."""
    how = {"path": f"{CHAT}/quota{action}", "query": query, "content_type": "application/x-www-form-urlencoded"}
    try:
        seen = await it.ask(form.encode(), consumer=consumer, **how)
    except GatewayError as error:
        return error.status, error.message
    return seen.status, seen.body


both = pytest.mark.parametrize("fidelity", ["safe", "higress"])


@both
@pytest.mark.parametrize("answer", [answer_json(COMPLETION), STREAM], ids=["plain", "stream"])
async def test_an_answer_costs_what_it_used(fidelity, answer):
    async with stage(answer, fidelity=fidelity) as it:
        await it.counter.put(BOB, 50)
        assert (await it.ask(consumer="bob")).status == 200
        assert await it.used(BOB) == 4
        assert (await it.ask(consumer="bob")).status == 200
        assert await it.used(BOB) == -42
        error = await it.refused(consumer="bob")
        assert (error.status, error.message, error.code) == (403, NO_QUOTA, "insufficient_quota")
        assert len(it.upstream.sent) == 2
        assert await it.used(BOB) == -42


@both
async def test_who_is_nobody_or_has_nothing_is_refused(fidelity):
    async with stage(fidelity=fidelity) as it:
        error = await it.refused()
        assert error.status == 401
        assert error.message == "Request denied by ai quota check. No Key Authentication information found."
        assert (await it.refused(consumer="eve")).status == 403
        assert it.upstream.sent == []
        assert [key async for key in it.counter.keys("")] == []


@pytest.mark.parametrize("path", ["/v1//chat/completions", f"{CHAT}/", f"{CHAT}%20", "/v1/chat%2Fcompletions"])
async def test_another_way_to_write_the_path_is_not_free(path):
    async with stage() as it:
        assert await it.status(consumer="bob", path=path) == 403
    async with stage(fidelity="higress") as it:
        assert await it.status(consumer="bob", path=path) == 200


@both
async def test_a_quota_that_cannot_be_read_is_none(fidelity):
    async with stage(fidelity=fidelity, stores=FailingStores("read", "hold", "add")) as it:
        assert (await it.refused(consumer="bob")).status == 403
        assert it.exchange.labels.remarks["ai-quota"] == "refused: redis.static is down"
        assert await it.status(consumer="bob", path="/v1/embeddings") == 200
        status, message = await admin(it, "", query="consumer=bob")
        assert (status, "redis.static is down" in message) == (503, True)


async def test_a_burst_does_not_spend_the_last_token_twice():
    body = {**QUESTION, "max_tokens": 45}
    async with stage() as it:
        await it.counter.put(BOB, 100)
        gate = it.gate()
        tasks = [asyncio.create_task(it.status(body, consumer="bob", end=gate)) for _ in range(32)]
        await spin()
        gate.open()
        statuses = await asyncio.gather(*tasks)
        assert (statuses.count(200), statuses.count(403)) == (3, 29)
        assert await it.used(BOB) == 100 - 3 * 46


async def test_the_client_that_leaves_pays_for_what_was_made():
    async with stage(STREAM) as it:
        await it.counter.put(BOB, 100)
        exchange, reply = await it.send(consumer="bob")
        await anext(aiter(reply))
        await it.close(exchange)
        assert await it.used(BOB) == 98


async def test_the_admin_gives_and_takes():
    async with stage() as it:
        assert await admin(it, "/refresh", "consumer=bob&quota=100") == (200, b"refresh quota successful")
        assert await admin(it, "/delta", "consumer=bob&value=-30") == (200, b"delta quota successful")
        assert await admin(it, "/delta", "consumer=bob&value=%2B5") == (200, b"delta quota successful")
        assert await admin(it, "", query="consumer=bob") == (200, b'{"consumer":"bob","quota":75}')
        assert await admin(it, "", query="consumer=eve") == (200, b'{"consumer":"eve","quota":0}')
        seen = await it.ask(consumer="admin", path="/v1/messages/quota", query="consumer=bob")
        assert (seen.status, seen.json()) == (200, {"consumer": "bob", "quota": 75})
        assert it.upstream.sent == []


@pytest.mark.parametrize(
    ("action", "form", "consumer", "reason"),
    [
        ("/refresh", "consumer=bob&quota=1", "bob", "Unauthorized admin consumer."),
        ("", "", "bob", "Unauthorized admin consumer."),
        ("/refresh", "consumer=bob", "admin", "consumer can't be empty and quota must be integer."),
        ("/refresh", "quota=1", "admin", "consumer can't be empty and quota must be integer."),
        ("/refresh", "consumer=bob&quota=1e3", "admin", "consumer can't be empty and quota must be integer."),
        ("/delta", "consumer=bob&quota=1", "admin", "consumer can't be empty and value must be integer."),
        ("", "", "admin", "consumer can't be empty."),
    ],
)
async def test_what_the_admin_api_refuses(action, form, consumer, reason):
    async with stage() as it:
        message = f"Request denied by ai quota check. {reason}"
        assert await admin(it, action, form, consumer) == (403, message)
        assert [key async for key in it.counter.keys("")] == []


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"admin_consumer": ""}, "missing admin_consumer in config"),
        ({"enable_path_suffixes": [" "]}, "enable_path_suffixes must not be empty"),
        ({"redis": None}, "missing redis in config; write redis: {service_name: redis.static}"),
    ],
)
async def test_what_a_configuration_may_be(config, problem):
    with pytest.raises(ConfigError, match=problem):
        async with stage(config=config):
            raise AssertionError

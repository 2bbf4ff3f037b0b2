"""ai-quota at its seams: who is refused, what a request costs, bursts, and the admin's API."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from fakes import FakeUpstream, answer_json, chat, events, make_env, make_exchange, terminal

from aigw.config.load import load
from aigw.core.errors import ConfigError, GatewayError
from aigw.core.model import Origin, Route, Target
from aigw.core.stores import Service, StoreError
from aigw.plugins.ai_quota import plugin as ai_quota
from aigw.stores.memory import MemoryCounter

ROUTE = Route("test", "", Target(Origin("http", "127.0.0.1", 1), ""))
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
COMPLETION = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}}], "usage": USAGE}
STREAM = events({"choices": [{"index": 0, "delta": {"content": "yo"}}]}, {"choices": [], "usage": USAGE})
CONFIG = {"admin_consumer": "admin", "redis": {"service_name": "redis.static"}}
CHAT = "/v1/chat/completions"
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Down(MemoryCounter):
    async def read(self, *keys):
        raise StoreError("redis.static is down")

    async def hold(self, limits, *, lease=900.0):
        raise StoreError("redis.static is down")

    async def add(self, key, amount):
        raise StoreError("redis.static is down")


class Only:
    """Stores with one counter."""

    def __init__(self, counter):
        self._counter = counter

    def counter(self, service=None):
        return self._counter


class Stage:
    def __init__(self, plugin, counter, upstream):
        self.plugin = plugin
        self.counter = counter
        self.upstream = upstream
        self.next = terminal(upstream)

    async def ask(self, consumer="bob", body=QUESTION, *, path=CHAT, query="", headers=None, read=True, call_next=None):
        """The status and the body; those of a refusal are the error itself."""
        request = chat(body, path=path, headers={**(headers or {}), "x-mse-consumer": consumer})
        request.query = query
        self.exchange = exchange = make_exchange(request, route=ROUTE)
        try:
            reply = await self.plugin(exchange, call_next or self.next)
            if not read:
                return reply.status, await anext(aiter(reply))
            return reply.status, await reply.body()
        except GatewayError as error:
            return error.status, error
        finally:
            await exchange.aclose()
            await exchange.settled()

    async def admin(self, action, form="", consumer="admin", query=""):
        status, body = await self.ask(consumer, form.encode(), path=f"{CHAT}/quota{action}", query=query, headers=FORM)
        return status, body if isinstance(body, bytes) else body.message

    async def left(self, consumer="bob"):
        (count,) = await self.counter.read(f"chat_quota:{consumer}")
        assert count.held == 0
        return count.used


@asynccontextmanager
async def stage(*script, fidelity="safe", counter=None, **config):
    upstream = FakeUpstream(*script or (answer_json(COMPLETION),))
    env = make_env(upstream, fidelity=fidelity)
    counter = counter or env.stores.counter(Service("redis.static", 80))
    env = replace(env, stores=Only(counter))
    loaded = load(None, {}, text=json.dumps({"plugins": {"ai-quota": {**CONFIG, **config}}}).encode())
    async with ai_quota.build(loaded.plugins["ai-quota"].rules.configs[-1], env) as plugin:
        yield Stage(plugin, counter, upstream)


both = pytest.mark.parametrize("fidelity", ["safe", "higress"])


@both
@pytest.mark.parametrize("answer", [answer_json(COMPLETION), STREAM], ids=["plain", "stream"])
async def test_an_answer_costs_what_it_used(fidelity, answer):
    async with stage(answer, fidelity=fidelity) as it:
        await it.counter.put("chat_quota:bob", 50)
        assert (await it.ask())[0] == 200
        assert await it.left() == 4
        assert (await it.ask())[0] == 200
        assert await it.left() == -42
        status, error = await it.ask()
        assert (status, error.message, error.code) == (403, ai_quota.NO_QUOTA, "insufficient_quota")
        assert len(it.upstream.sent) == 2
        assert await it.left() == -42


@both
async def test_who_is_nobody_or_has_nothing_is_refused(fidelity):
    async with stage(fidelity=fidelity) as it:
        status, error = await it.ask("")
        assert status == 401
        assert error.message == "Request denied by ai quota check. No Key Authentication information found."
        assert (await it.ask("eve"))[0] == 403
        assert it.upstream.sent == []
        assert [key async for key in it.counter.keys("")] == []


@pytest.mark.parametrize("path", ["/v1//chat/completions", f"{CHAT}/", f"{CHAT}%20", "/v1/chat%2Fcompletions"])
async def test_another_way_to_write_the_path_is_not_free(path):
    async with stage() as it:
        assert (await it.ask(path=path))[0] == 403
    async with stage(fidelity="higress") as it:
        assert (await it.ask(path=path))[0] == 200


@both
async def test_a_quota_that_cannot_be_read_is_none(fidelity):
    async with stage(fidelity=fidelity, counter=Down()) as it:
        assert (await it.ask())[0] == 403
        assert it.exchange.labels.remarks["ai-quota"] == "refused: redis.static is down"
        assert (await it.ask(path="/v1/embeddings"))[0] == 200
        status, message = await it.admin("", query="consumer=bob")
        assert (status, "redis.static is down" in message) == (503, True)


async def test_a_burst_does_not_spend_the_last_token_twice():
    go = asyncio.Event()

    async with stage() as it:

        async def wait(exchange):
            await go.wait()
            return await it.next(exchange)

        await it.counter.put("chat_quota:bob", 100)
        body = {**QUESTION, "max_tokens": 45}
        tasks = [asyncio.create_task(it.ask(body=body, call_next=wait)) for _ in range(32)]
        for _ in range(20):
            await asyncio.sleep(0)
        go.set()
        statuses = [status for status, _ in await asyncio.gather(*tasks)]
        assert (statuses.count(200), statuses.count(403)) == (3, 29)
        assert await it.left() == 100 - 3 * 46


async def test_the_client_that_leaves_pays_for_what_was_made():
    async with stage(STREAM) as it:
        await it.counter.put("chat_quota:bob", 100)
        await it.ask(read=False)
        assert await it.left() == 98


async def test_the_admin_gives_and_takes():
    async with stage() as it:
        assert await it.admin("/refresh", "consumer=bob&quota=100") == (200, b"refresh quota successful")
        assert await it.admin("/delta", "consumer=bob&value=-30") == (200, b"delta quota successful")
        assert await it.admin("/delta", "consumer=bob&value=%2B5") == (200, b"delta quota successful")
        assert await it.admin("", query="consumer=bob") == (200, b'{"consumer":"bob","quota":75}')
        assert await it.admin("", query="consumer=eve") == (200, b'{"consumer":"eve","quota":0}')
        status, body = await it.ask("admin", path="/v1/messages/quota", query="consumer=bob")
        assert (status, body) == (200, b'{"consumer":"bob","quota":75}')
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
        assert await it.admin(action, form, consumer) == (403, message)
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
        async with stage(**config):
            raise AssertionError

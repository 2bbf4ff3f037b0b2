"""ai-cache with `fidelity: higress`: what its cases in tests/conformance say, and what is around them."""

import asyncio
import json

import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, chat, events, make_env, make_exchange

from aigw.config.load import load
from aigw.core.model import Origin, Route, Target
from aigw.core.stores import StoreError
from aigw.pipeline.forward import Forward
from aigw.plugins.ai_cache import plugin as ai_cache
from aigw.plugins.ai_cache.higress import MAX_BYTES

ROUTE = Route("test-route", "llm.dns", Target(Origin("http", "127.0.0.1", 1), "llm"))
REDIS = {"redis": {"serviceName": "redis.static", "servicePort": 6379}}
ASK = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
ANSWER = {"choices": [{"message": {"content": 'a "b"\nc é'}}]}
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


class Stage:
    def __init__(self, plugin, upstream, kv):
        self.plugin, self.upstream, self.kv = plugin, upstream, kv

    async def ask(self, body=ASK, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange = make_exchange(chat(body, headers=named), route=ROUTE)
        reply = await self.plugin(exchange, Forward(self.upstream))
        answer = await reply.body()
        await exchange.aclose()
        await exchange.settled()
        return exchange.labels, reply.headers, answer

    async def kept(self):
        return {key: (await self.kv.get(key)).decode() async for key in self.kv.keys("")}


async def playing(config, *script, then, stores=None):
    text = json.dumps({"fidelity": "higress", "plugins": {"ai-cache": config}}).encode()
    parsed = load(None, {}, text=text).plugins["ai-cache"].rules.configs[-1]
    upstream = FakeUpstream(*script)
    env = make_env(upstream, fidelity="higress", clock=FakeClock(), stores=stores)
    async with ai_cache.build(parsed, env) as plugin:
        await then(Stage(plugin, upstream, env.stores.kv(parsed.store.service())))


async def test_hits_are_templates_around_the_text():
    async def then(it):
        labels, _, _ = await it.ask()
        assert (labels.cache, labels.ai_log) == ("miss", {"cache_status": "miss"})
        labels, headers, body = await it.ask({**ASK, "model": "other", "temperature": 0})
        assert (labels.cache, labels.ai_log) == ("hit", {"cache_status": "hit"})
        assert headers["content-type"] == "application/json; charset=utf-8"
        choice = {"index": 0, "message": {"role": "assistant", "content": 'a "b"\nc é'}, "finish_reason": "stop"}
        common = {"id": "from-cache", "model": "from-cache", "object": "chat.completion", "usage": ZEROS}
        assert json.loads(body) == {**common, "choices": [choice]}
        _, headers, body = await it.ask({**ASK, "stream": True})
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        first, done, end = body.split(b"\n\n")
        assert (done, end) == (b"data:[DONE]", b"")
        delta = {"index": 0, "delta": choice["message"], "finish_reason": "stop"}
        assert json.loads(first.removeprefix(b"data:")) == {**common, "choices": [delta]}
        assert len(it.upstream.sent) == 1
        assert await it.kept() == {"higress-ai-cache:q": 'a "b"\nc é'}

    await playing(REDIS, answer_json(ANSWER), then=then)


@pytest.mark.parametrize(
    ("config", "body", "key"),
    [
        ({}, {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}, "a"),
        ({}, b'{"messages": [{"content": [{"type": "text",  "text": "q"}]}]}', '[{"type": "text",  "text": "q"}]'),
        ({}, {"messages": [{"content": 7}]}, "7"),
        (
            {"cacheKeyStrategy": "allQuestions"},
            {"messages": [{"role": r, "content": f"{r}{n}"} for n in (1, 2) for r in ("user", "assistant")]},
            "user1\nuser2",
        ),
        ({"cacheKeyFrom": "prompt"}, {"prompt": "p"}, "p"),
        ({"cacheKeyFrom": {"requestBody": "prompt"}}, {"prompt": "p"}, "p"),
        ({"cacheKeyFrom": "messages.0"}, b'{"messages":[{"a" : 1}]}', '{"a" : 1}'),
        ({"cacheKeyFrom": "messages.#.a"}, b'{"messages":[{"a" : 1}]}', "[1]"),
    ],
)
async def test_keys(config, body, key):
    async def then(it):
        await it.ask(body)
        assert list(await it.kept()) == [f"higress-ai-cache:{key}"]

    await playing({**REDIS, **config}, answer_json(ANSWER), then=then)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (ASK, {"x_higress_skip_ai_cache": "on"}, "skip"),
        (ASK, {"content_type": "text/plain"}, None),
        ({"messages": []}, {}, None),
        ({"messages": [{"content": ""}]}, {}, None),
        ({"messages": [{"content": None}]}, {}, None),
        (b"[1]", {}, None),
        (b"{", {}, None),
    ],
)
async def test_what_is_not_cached(body, headers, status):
    async def then(it):
        for _ in range(2):
            labels, _, _ = await it.ask(body, **headers)
            assert labels.ai_log.get("cache_status") == status
        assert len(it.upstream.sent) == 2
        assert await it.kept() == {}

    await playing(REDIS, answer_json(ANSWER), then=then)


def text(content):
    return {"choices": [{"delta": {"content": content}}]}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (answer_json(ANSWER, status=500), 'a "b"\nc é'),
        (answer_json({"error": {"message": "x"}}), None),
        (answer_json({"choices": [{"message": {"content": " "}}]}), None),
        (Answer(pieces=[b'{"choices":[{"mess', b'age":{"content":"x"}}]}']), "x"),
        (Answer(headers={"content-type": "application/json", "content-encoding": "gzip"}), None),
        (events(text("He"), text("llo"), {"choices": []}), "Hello"),
        (events(text("He"), b"data: [DONE]\n", done=False), None),
        (events(text("He"), b'data: {"choices"', done=False), None),
    ],
)
async def test_values(answer, value):
    async def then(it):
        await it.ask()
        assert (await it.kept()).get("higress-ai-cache:q") == value

    await playing(REDIS, answer, then=then)


async def test_a_part_of_an_answer_that_is_too_large_is_not_kept():
    async def then(it):
        await it.ask({**ASK, "stream": True})
        assert await it.kept() == {}

    delta = {"choices": [{"delta": {"content": "x"}}]}
    await playing(REDIS, events(delta, b":" + b" " * MAX_BYTES + b"\n\n", delta), then=then)


async def test_templates_and_the_original_form():
    config = {
        **REDIS,
        "cacheTTL": 60,
        "cacheKeyPrefix": "old:",
        "returnResponseTemplate": '{"a":"%s"}',
        "cacheValueFrom": {"responseBody": "out"},
    }

    async def then(it):
        await it.ask()
        it.plugin._env.clock.now += 100  # its TTL was never read
        assert await it.kept() == {"old:q": "vv"}
        assert (await it.ask())[2] == b'{"a":"vv"}'

    await playing(config, answer_json({"out": "vv"}), then=then)


async def test_entries_expire():
    async def then(it):
        await it.ask()
        it.plugin._env.clock.now += 61
        assert await it.kept() == {}

    await playing({"cache": {"type": "redis", "serviceName": "r", "cacheTTL": 60}}, answer_json(ANSWER), then=then)


async def test_a_store_that_is_down():
    class Down:
        def kv(self, service):
            return self

        async def get(self, key):
            raise StoreError("down")

        async def put(self, key, value, ttl=None):
            raise StoreError("down")

    async def then(it):
        assert json.loads((await it.ask())[2]) == ANSWER

    await playing(REDIS, answer_json(ANSWER), then=then, stores=Down())


async def test_what_is_stored_while_others_come_is_found():
    """Between the last byte and the end of a slow write."""
    written = asyncio.Event()

    class Slow:
        def kv(self, service):
            return self

        async def get(self, key):
            return None

        async def put(self, key, value, ttl=None):
            await written.wait()

    async def then(it):
        first = asyncio.create_task(it.ask())
        for _ in range(20):
            await asyncio.sleep(0)
        assert (await it.ask())[0].cache == "hit"
        written.set()
        await first

    await playing(REDIS, answer_json(ANSWER), then=then, stores=Slow())

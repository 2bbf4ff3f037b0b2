"""ai-cache with `fidelity: higress`: what its cases in tests/conformance say, and what is around them."""

import asyncio
import json

import pytest
from fakes import Answer, FailingStores, answer_json, events
from world import configured, spin, world

from aigw.plugins.ai_cache.higress import MAX_BYTES

REDIS = {"redis": {"serviceName": "redis.static", "servicePort": 6379}}
ASK = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
ANSWER = {"choices": [{"message": {"content": 'a "b"\nc é'}}]}
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def playing(config, *script, **how):
    service = configured({"ai-cache": config}).plugins["ai-cache"].rules.default.service()
    how = {"fidelity": "higress", "question": ASK, "service": service, **how}
    return world({"ai-cache": config}, *script, **how)


async def test_hits_are_templates_around_the_text():
    async with playing(REDIS, answer_json(ANSWER)) as it:
        labels = (await it.ask()).labels
        assert (labels.cache, labels.ai_log) == ("miss", {"cache_status": "miss"})
        seen = await it.ask({**ASK, "model": "other", "temperature": 0})
        assert (seen.labels.cache, seen.labels.ai_log) == ("hit", {"cache_status": "hit"})
        assert seen.headers["content-type"] == "application/json; charset=utf-8"
        choice = {"index": 0, "message": {"role": "assistant", "content": 'a "b"\nc é'}, "finish_reason": "stop"}
        common = {"id": "from-cache", "model": "from-cache", "object": "chat.completion", "usage": ZEROS}
        assert seen.json() == {**common, "choices": [choice]}
        seen = await it.ask({**ASK, "stream": True})
        assert seen.headers["content-type"] == "text/event-stream; charset=utf-8"
        first, done, end = seen.body.split(b"\n\n")
        assert (done, end) == (b"data:[DONE]", b"")
        delta = {"index": 0, "delta": choice["message"], "finish_reason": "stop"}
        assert json.loads(first.removeprefix(b"data:")) == {**common, "choices": [delta]}
        assert len(it.upstream.sent) == 1
        assert await it.kept() == {"higress-ai-cache:q": 'a "b"\nc é'.encode()}


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
        (
            {"cacheKeyStrategy": "allQuestions"},
            b'{"messages": [{"role": "user", "content": [{"text":  "q"}]}, 7, {"role": "user"}]}',
            '[{"text":  "q"}]\n',
        ),
        ({"cacheKeyFrom": {"requestBody": ""}}, {"messages": [{"content": "q"}]}, "q"),
        ({"cacheKeyFrom": "prompt"}, {"prompt": "p"}, "p"),
        ({"cacheKeyFrom": {"requestBody": "prompt"}}, {"prompt": "p"}, "p"),
        ({"cacheKeyFrom": "messages.0"}, b'{"messages":[{"a" : 1}]}', '{"a" : 1}'),
        ({"cacheKeyFrom": "messages.#.a"}, b'{"messages":[{"a" : 1}]}', "[1]"),
    ],
)
async def test_keys(config, body, key):
    async with playing({**REDIS, **config}, answer_json(ANSWER)) as it:
        await it.ask(body)
        assert list(await it.kept()) == [f"higress-ai-cache:{key}"]


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
    async with playing(REDIS, answer_json(ANSWER)) as it:
        for _ in range(2):
            labels = (await it.ask(body, **headers)).labels
            assert labels.ai_log.get("cache_status") == status
        assert len(it.upstream.sent) == 2
        assert await it.kept() == {}


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
    async with playing(REDIS, answer) as it:
        await it.ask()
        assert (await it.kept()).get("higress-ai-cache:q") == (value and value.encode())


async def test_a_part_of_an_answer_that_is_too_large_is_not_kept():
    async with playing(REDIS, events(text("x"), b":" + b" " * MAX_BYTES + b"\n\n", text("x"))) as it:
        await it.ask({**ASK, "stream": True})
        assert await it.kept() == {}


async def test_templates_and_the_original_form():
    config = {
        **REDIS,
        "cacheTTL": 60,
        "cacheKeyPrefix": "old:",
        "returnResponseTemplate": '{"a":"%s"}',
        "cacheValueFrom": {"responseBody": "out"},
    }

    async with playing(config, answer_json({"out": "vv"})) as it:
        await it.ask()
        it.clock.now += 100  # its TTL was never read
        assert await it.kept() == {"old:q": b"vv"}
        assert (await it.ask()).body == b'{"a":"vv"}'


async def test_entries_expire():
    async with playing({"cache": {"type": "redis", "serviceName": "r", "cacheTTL": 60}}, answer_json(ANSWER)) as it:
        await it.ask()
        it.clock.now += 61
        assert await it.kept() == {}


async def test_a_store_that_is_down():
    async with playing(REDIS, answer_json(ANSWER), stores=FailingStores("get", "put")) as it:
        assert (await it.ask()).json() == ANSWER


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

    async with playing(REDIS, answer_json(ANSWER), stores=Slow()) as it:
        first = asyncio.create_task(it.ask())
        await spin()
        assert (await it.ask()).labels.cache == "hit"
        written.set()
        await first

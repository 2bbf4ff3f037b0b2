"""ai-history in its chain: what is added, what is kept, and for whom. The cases Y* of tests/conformance are Higress's."""

import asyncio
import json
from hashlib import sha256

import pytest
from fakes import Answer, FailingStores, answer_json, events
from world import configured, world

from aigw.core.errors import ConfigError
from aigw.core.stores import Service
from aigw.plugins.ai_history.safe import MOST_BYTES

CONFIG = {"redis": {"serviceName": "redis.static", "servicePort": 6379}, "identityHeader": "x-user"}
PREFIX = "higress-ai-history:"
QUERY = "/v1/ai-history/query"


def whole(text, finish="stop", **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return answer_json({"choices": [choice]})


def stream(*texts, finish="stop"):
    deltas = [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts]
    return events(*deltas, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})


def stage(*script, fidelity="safe", config=(), **how):
    service = Service("redis.static", 6379)
    return world({"ai-history": {**CONFIG, **dict(config)}}, *script, fidelity=fidelity, service=service, **how)


def chat(text, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


async def kept(it):
    return {
        key.removeprefix(PREFIX): [turn["content"] for turn in json.loads(value)]
        for key, value in (await it.kept()).items()
    }


both = pytest.mark.parametrize("fidelity", ["safe", "higress"])


@both
async def test_the_last_turns_are_put_in_front_of_the_next_question(fidelity):
    async with stage(
        *[whole(f"a{number}") for number in range(9)], fidelity=fidelity, config={"fillHistoryCnt": 2}
    ) as it:
        for number in range(4):
            await it.ask(chat(f"q{number}"), x_user="ann")
        assert [turn["content"] for turn in it.upstream.json()["messages"]] == ["q1", "a1", "q2", "a2", "q3"]
        await it.ask(chat("r"), x_user="b o b")
        assert it.upstream.json() == chat("r")
        assert await kept(it) == {"ann": ["q2", "a2", "q3", "a3"], "bob": ["r", "a4"]}
        await it.ask(chat("s"), x_user="ann", query="fill_history_cnt=1")
        assert [turn["content"] for turn in it.upstream.json()["messages"]] == ["q3", "a3", "s"]
        await it.ask(chat("t"), x_user="ann", query="fill_history_cnt=-5")
        assert it.upstream.json()["messages"] == chat("t")["messages"]


@both
async def test_streams_are_kept(fidelity):
    async with stage(stream("he", "llo"), fidelity=fidelity) as it:
        await it.ask(chat("q", stream=True), x_user="ann")
        assert await kept(it) == {"ann": ["q", "hello"]}


@both
async def test_a_query(fidelity):
    async with stage(whole("a1"), whole("a2"), fidelity=fidelity) as it:
        for text in ("q1", "q2"):
            await it.ask(chat(text), x_user="ann")
        seen = await it.ask(chat("?"), x_user="ann", path=QUERY, query="cnt=1")
        assert seen.json() == [{"role": "user", "content": "q2"}, {"role": "assistant", "content": "a2"}]
        assert seen.headers["content-type"] == "application/json; charset=utf-8"
        assert len((await it.ask(chat("?"), x_user="ann", path=QUERY)).json()) == 4
        assert (await it.ask(chat("?"), x_user="ann", path=QUERY, query="cnt=0")).json() == []
        assert len(it.upstream.sent) == 2


async def test_a_query_of_any_kind_is_answered():
    async with stage() as it:
        assert (await it.ask(b"", path=QUERY, method="GET", x_user="ann")).json() == []
        error = await it.refused(b"", path=QUERY, method="GET")
        assert (error.status, error.code) == (401, "no_identity")


FORMATS = {
    "/v1/messages": (
        {"model": "m", "max_tokens": 5, "system": "s", "messages": [{"role": "user", "content": "q"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"},
        lambda body: [(turn["role"], turn["content"]) for turn in body["messages"]],
    ),
    "/v1/responses": (
        {"model": "m", "instructions": "s", "input": "q"},
        {"object": "response", "status": "completed", "output": [
            {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "a"}]}]},
        lambda body: [(turn["role"], turn["content"] if isinstance(turn["content"], str) else turn["content"][0]["text"]) for turn in body["input"]],
    ),
    "/v1beta/models/m:generateContent": (
        {"contents": [{"role": "user", "parts": [{"text": "q"}]}]},
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "a"}]}, "finishReason": "STOP"}]},
        lambda body: [(turn["role"].replace("model", "assistant"), turn["parts"][0]["text"]) for turn in body["contents"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", FORMATS)
async def test_every_api_with_a_conversation(path):
    asked, answered, turns = FORMATS[path]
    async with stage(answer_json(answered)) as it:
        seen = await it.ask(asked, path=path, x_user="ann")
        assert (it.upstream.json(), seen.headers["x-aigw-history"]) == (asked, "0 turns")
        assert await kept(it) == {"ann": ["q", "a"]}
        seen = await it.ask(asked, path=path, x_user="ann")
        assert turns(it.upstream.json()) == [("user", "q"), ("assistant", "a"), ("user", "q")]
        assert seen.headers["x-aigw-history"] == "1 turn"


async def test_a_history_stands_behind_the_instructions_and_other_fields_stay():
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "q", "name": "ann"}]
    async with stage(whole("a")) as it:
        for _ in range(2):
            await it.ask({"messages": messages}, x_user="ann")
        assert it.upstream.json()["messages"] == [
            messages[0], {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, messages[1],
        ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        whole("a", finish=None),
        whole("a", finish="content_filter"),
        whole(
            None,
            "tool_calls",
            tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        ),
        whole(""),
        Answer(500),
        events({"choices": [{"index": 0, "delta": {"content": "a"}}]}, done=False),
    ],
    ids=["unfinished", "filtered", "call", "empty", "failed", "cut off"],
)
async def test_only_whole_answers_are_kept(answer):
    async with stage(answer) as it:
        await it.ask(chat("q"), x_user="ann")
        assert await kept(it) == {}


async def test_a_client_that_leaves_keeps_nothing():
    async with stage(stream("a")) as it:
        exchange, reply = await it.send(chat("q", stream=True), x_user="ann")
        await anext(aiter(reply))
        await it.close(exchange)
        assert await kept(it) == {}


async def test_what_is_no_conversation_is_left_alone():
    async with stage(whole("a")) as it:
        for body, path in (
            ({"input": "x"}, "/v1/embeddings"),
            ({"prompt": "x"}, "/v1/completions"),
            (b"{", "/v1/chat/completions"),
        ):
            seen = await it.ask(body, path=path, x_user="ann")
            assert "x-aigw-history" not in seen.headers
        assert await kept(it) == {}


async def test_a_conversation_of_the_clients_own():
    turns = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
    async with stage(whole("a")) as it:
        for _ in range(2):
            seen = await it.ask({"messages": turns}, x_user="ann")
        assert (it.upstream.json()["messages"], seen.headers["x-aigw-history"]) == (
            turns,
            "none; the request has its own",
        )
        assert await kept(it) == {"ann": ["user", "a"] * 2}


async def test_nobody_has_no_history_and_in_higress_a_shared_one():
    async with stage(whole("a")) as it:
        seen = await it.ask(chat("q"))
        assert seen.headers["x-aigw-history"] == seen.labels.remarks["ai-history"] == "none; no x-user header"
        assert await kept(it) == {}
    async with stage(whole("a"), fidelity="higress") as it:
        await it.ask(chat("q"))
        assert await kept(it) == {"": ["q", "a"]}


async def test_a_key_is_kept_as_its_hash():
    hashed = sha256(b"Bearersk-1").hexdigest()[:32]
    for fidelity, name in (("safe", hashed), ("higress", "Bearersk-1")):
        async with stage(whole("a"), fidelity=fidelity, config={"identityHeader": ""}) as it:
            await it.ask(chat("q"), authorization="Bearer sk-1")
            assert list(await kept(it)) == [name]


async def test_the_consumer_is_the_one_whom_key_auth_found():
    plugins = {
        "key-auth": {"consumers": [{"name": "ann", "credential": "sk-1"}], "keys": ["x-api-key"], "global_auth": True},
        "ai-history": {**CONFIG, "identityHeader": "X-Mse-Consumer"},
    }
    async with world(plugins, whole("a"), service=Service("redis.static", 6379)) as it:
        await it.ask(chat("q"), x_api_key="sk-1", x_mse_consumer="bob")
        assert list(await kept(it)) == ["ann"]


async def test_turns_at_the_same_time_are_all_kept():
    async with stage(whole("a"), config={"fillHistoryCnt": 9}) as it:
        await asyncio.gather(*(it.ask(chat(f"q{number}"), x_user="ann") for number in range(9)))
        assert sorted((await kept(it))["ann"][::2]) == [f"q{number}" for number in range(9)]


async def test_a_question_waits_for_the_turn_before_it():
    async with stage(whole("a")) as it:
        exchange, reply = await it.send(chat("q"), x_user="ann")
        await reply.body()
        await exchange.aclose()  # what it deferred has only been started
        assert (await it.ask(chat("r"), x_user="ann")).headers["x-aigw-history"] == "1 turn"


async def test_no_cache_in_front_keeps_what_depends_on_a_history():
    plugins = {"ai-cache": {"cache": {"type": "redis", "serviceName": "redis.static"}}, "ai-history": CONFIG}
    async with world(plugins, whole("a1"), whole("a2")) as it:
        texts = [(await it.ask(chat("q"), x_user="ann")).json()["choices"][0]["message"]["content"] for _ in range(2)]
        assert texts == ["a1", "a2"]


async def test_the_oldest_turns_of_a_large_history_are_dropped():
    async with stage(whole("a")) as it:
        for size in (MOST_BYTES // 2, MOST_BYTES // 2, 10, MOST_BYTES):
            await it.ask(chat("x" * size), x_user="ann")
        assert [len(text) for text in (await kept(it))["ann"]] == [MOST_BYTES // 2, 1, 10, 1]


async def test_a_history_expires():
    async with stage(whole("a"), config={"cacheTTL": 60}) as it:
        await it.ask(chat("q"), x_user="ann")
        it.clock.now += 61
        assert (await it.ask(chat("r"), x_user="ann")).headers["x-aigw-history"] == "0 turns"


@both
@pytest.mark.parametrize("operations", [("get",), ("put", "swap"), ("get", "put", "swap")])
async def test_a_store_that_is_down_stops_nothing(fidelity, operations):
    async with stage(whole("a"), fidelity=fidelity, stores=FailingStores(*operations)) as it:
        for _ in range(2):
            seen = await it.ask(chat("q"), x_user="ann")
        assert (seen.status, it.upstream.json()) == (200, chat("q"))
        if fidelity == "safe" and "get" in operations:
            assert seen.headers["x-aigw-history"] == "unavailable"
            assert (await it.refused(b"", path=QUERY, method="GET", x_user="ann")).status == 503


@both
async def test_what_is_no_history_is_none(fidelity):
    async with stage(whole("a"), fidelity=fidelity) as it:
        await it.kv.put(PREFIX + "ann", b"something else")
        await it.ask(chat("q"), x_user="ann")
        assert it.upstream.json() == chat("q")
        kept_now = await it.kv.get(PREFIX + "ann")
        assert kept_now == (
            b"something else"
            if fidelity == "higress"
            else b'[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]'
        )


async def test_higress_forgets_after_an_error_and_drops_accept_encoding():
    async with stage(whole("a"), fidelity="higress", stores=FailingStores("get")) as it:
        await it.ask(chat("q"), x_user="ann", accept_encoding="gzip")
        assert "accept-encoding" not in it.sent.headers


@pytest.mark.parametrize("config", [{}, {"redis": {}}, {"redis": {"service_name": "x"}}])
def test_what_is_wrong(config):
    with pytest.raises(ConfigError, match=r"redis service name must not be empty|service_name"):
        configured({"ai-history": config})

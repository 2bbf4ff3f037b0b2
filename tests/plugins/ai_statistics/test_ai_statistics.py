"""ai-statistics at its seams: what it notes and counts for whole answers, streams, failures and clients that leave.

What Higress did with a whole configuration is played by tests/conformance; here are the rules behind it."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, answered, chat, events, make_exchange
from world import World, configured, world

from aigw.books.metrics import Metrics
from aigw.core.errors import ConfigError, GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Burst, Chunk, Origin, Request, Route, Target
from aigw.core.reply import Reply
from aigw.plugins.ai_statistics import plugin as ai_statistics
from aigw.plugins.ai_statistics.ai_log import Record

ROUTE = Route("test-route", "llm.internal.dns:443", Target(Origin("http", "127.0.0.1", 1), ""))
CLUSTER = "outbound|443||llm.internal.dns"
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
COMPLETION = {
    "id": "x",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def stage(config: Any = (), *script: Answer, **how: Any) -> AbstractAsyncContextManager[World]:
    return world({"ai-statistics": dict(config)}, *script, route=ROUTE, metrics=Metrics(), **how)


def counts(it: World) -> dict[tuple[str, tuple[str, ...]], int]:
    assert isinstance(it.env.metrics, Metrics)
    return it.env.metrics.counts()


def counted(it: World) -> dict[str, int]:
    """The counters by name, where there is only one route and consumer."""
    return {name: value for (name, _), value in counts(it).items()}


def delta(**members: Any) -> dict[str, Any]:
    return {"id": "x", "model": "m", "choices": [{"index": 0, "delta": members, "finish_reason": None}]}


def attribute(key: str, source: str = "", value: str = "", **more: Any) -> dict[str, Any]:
    return {"key": key, "value_source": source, "value": value, "apply_to_log": True, **more}


async def test_an_answer_from_the_cache_spends_nothing() -> None:
    async def cached(exchange: Exchange) -> Reply:
        exchange.labels.cache = "hit"
        return exchange.reply(json.dumps(COMPLETION).encode(), headers={"content-type": "application/json"})

    async with stage({}) as it:
        seen = await it.ask(end=cached)
        assert seen.json() == COMPLETION
        assert counted(it) == {}
    assert seen.labels.ai_log["chat_id"] == "x"
    assert not {"input_token", "output_token", "model"} & set(seen.labels.ai_log)


@pytest.mark.parametrize(
    "body", [gzip.compress(json.dumps(COMPLETION).encode(), mtime=0), json.dumps(COMPLETION).encode(), b""]
)
@pytest.mark.parametrize("proxied", [False, True])
async def test_of_an_encoded_answer_only_the_usage_is_read(body: bytes, proxied: bool) -> None:
    """Where it is what its header says: it took its time in any case, and may be a failure."""
    plugins: dict[str, Any] = {"ai-statistics": {"use_default_attributes": True}}
    if proxied:
        plugins["ai-proxy"] = {"provider": {"type": "openai", "apiTokens": ["k"]}}
    head = {"content-type": "application/json", "content-encoding": "gzip"}
    script = Answer(200, head, [body[:9], body[9:]]), Answer(500, head, [body])
    async with world(plugins, *script, route=ROUTE, metrics=Metrics()) as it:
        if proxied and not body.startswith(b"\x1f\x8b"):
            with pytest.raises(UpstreamError, match="not with an answer" if not body else "its content coding"):
                await it.ask()
            return
        seen = await it.ask()
        assert (seen.body, seen.headers["content-encoding"]) == (body, "gzip")
        log = seen.labels.ai_log
        assert {log.pop(name) for name in ("response_type", "llm_service_duration")} == {"normal", 0}
        others = {
            "model",
            "total_token",
            "input_token_details",
            "output_token_details",
            "reasoning_tokens",
            "cached_tokens",
        }
        known = {name for name, value in log.items() if value is not None} - others
        told = {"input_token", "output_token"} if body.startswith(b"\x1f\x8b") else set()
        assert known == {"api", "chat_round", "messages", "question"} | told
        counts = counted(it)
        assert bool(counts) is bool(told)
        await it.ask()  # of an error ai-proxy takes the coding off, so that it is read as any other
        again = {name: 2 * number for name, number in counts.items()}
        assert counted(it) == (again if proxied else counts | {"llm_failure_count": 1})


@pytest.mark.parametrize("encoding", ["br", "identity"])
async def test_of_an_encoded_stream_only_the_usage_is_read(encoding: str) -> None:
    wire = b"".join(events(delta(content="a"), {**delta(), "usage": USAGE}).pieces)
    head = {"content-type": "text/event-stream", "content-encoding": encoding}
    async with stage({"use_default_attributes": True}, Answer(200, head, [wire])) as it:
        seen = await it.ask({**QUESTION, "stream": True})
        assert seen.body == wire
        assert seen.labels.ai_log["response_type"] == "stream"
        assert {"llm_first_token_duration", "llm_service_duration"} <= seen.labels.ai_log.keys()
        assert "chat_id" not in seen.labels.ai_log
        assert not seen.labels.ai_log["answer"]
        assert seen.labels.ai_log.get("input_token") == (10 if encoding == "identity" else None)


async def test_what_higress_does_not_see_is_not_in_its_log() -> None:
    head = {"content-type": "application/json", "content-encoding": "gzip"}
    async with stage({}, Answer(500, head, [b"\x1f"]), fidelity="higress") as it:
        seen = await it.ask()
        assert seen.labels.ai_log == {"api": "-", "chat_round": 1}
        assert counted(it) == {}


async def test_a_plain_answer() -> None:
    async with stage({}, answer_json(COMPLETION)) as it:
        seen = await it.ask()
    assert seen.json() == COMPLETION
    assert seen.labels.ai_log == {
        "api": "-",
        "chat_id": "x",
        "chat_round": 1,
        "response_type": "normal",
        "model": "gpt-4o",
        "input_token": 10,
        "output_token": 5,
        "total_token": 15,
        "input_token_details": {},
        "output_token_details": {},
        "llm_service_duration": 0,
    }
    assert seen.labels.span_tags == {
        "gen_ai.span.kind": "LLM",
        "gen_ai.request.model": "m",
        "gen_ai.model_name": "gpt-4o",
        "gen_ai.usage.input_tokens": "10",
        "gen_ai.usage.output_tokens": "5",
        "gen_ai.usage.total_tokens": "15",
    }
    labels = ("test-route", CLUSTER, "gpt-4o", "none")
    assert counts(it) == {
        ("input_token", labels): 10,
        ("output_token", labels): 5,
        ("total_token", labels): 15,
        ("llm_duration_count", labels): 1,
    }


class Slow(FakeUpstream):
    """Takes two seconds to the answer and one for each piece of it."""

    def __init__(self, clock: FakeClock, *script: Answer) -> None:
        super().__init__(*script)
        self.clock = clock

    async def send(self, request: Request, target: Target) -> Any:
        self.clock.now += 2
        response = await super().send(request, target)
        body, clock = response.body, self.clock

        class Body:
            def __aiter__(self) -> Any:
                return self

            async def __anext__(self) -> bytes:
                piece = await body.__anext__()
                clock.now += 1
                return piece

            async def aclose(self) -> None:
                await body.aclose()

        response.body = Body()
        return response


async def test_the_times_of_a_stream() -> None:
    clock = FakeClock()
    script = events(delta(content="a"), delta(content="b"), {"model": "m", "choices": [], "usage": USAGE})
    async with stage(upstream=Slow(clock, script), clock=clock) as it:
        seen = await it.ask()
    log = seen.labels.ai_log
    assert (log["response_type"], log["llm_first_token_duration"], log["llm_service_duration"]) == (
        "stream",
        3000,
        6000,
    )
    assert counted(it) == {
        "input_token": 10,
        "output_token": 5,
        "total_token": 15,
        "llm_service_duration": 6000,
        "llm_duration_count": 1,
        "llm_first_token_duration": 3000,
        "llm_stream_duration_count": 1,
    }


async def test_a_stream_leaves_nothing_for_the_collector() -> None:
    """Which comes seldom: until then the whole request would stay."""
    script = events(delta(content="a"), {"model": "m", "choices": [], "usage": USAGE})
    async with stage({"use_default_attributes": True}, script) as it:
        gc.collect()
        gc.disable()
        try:
            await it.ask()
            await asyncio.sleep(0)
            left = [each for each in gc.get_objects() if isinstance(each, Record)]
        finally:
            gc.enable()
    assert left == []


async def test_bytes_are_never_altered() -> None:
    pieces = [
        b": hello\r\n\r\n",
        b'data: {"id":"x","choi',
        b'ces":[{"delta":{"content":"\xe4\xb8',
        b'\xad"}}]}\n\n',
        b"data: [",
    ]
    script = Answer(headers={"content-type": "text/event-stream"}, pieces=pieces)
    async with stage({"use_default_attributes": True}, script) as it:
        seen = await it.ask()
    assert seen.body == b"".join(pieces)
    assert seen.labels.ai_log["answer"] == "中"


# Attributes of answers


@pytest.mark.parametrize(
    ("rule", "answer", "value"),
    [
        ("first", "a", 1),
        ("replace", "c", {"n": 2}),
        ("append", "abc", '1{"n":2}'),
        ("", None, None),
    ],
)
async def test_rules(rule: str, answer: Any, value: Any) -> None:
    """null and "" are skipped by each of them."""
    config = {
        "attributes": [
            attribute("answer", rule=rule),
            attribute("v", "response_streaming_body", "v", rule=rule),
            attribute("none", "response_streaming_body", "nope", rule=rule, default_value="d"),
        ]
    }
    stream = [delta(content=""), delta(content=None), *[delta(content=text) for text in "abc"], delta(content="")]
    script = events({"v": None}, *stream, {"v": 1}, {"v": ""}, {"v": {"n": 2}}, {"v": None})
    async with stage(config, script) as it:
        seen = await it.ask()
    log = seen.labels.ai_log
    assert (log["answer"], log["v"], log["none"]) == (answer, value, "d")


async def test_a_source_of_the_other_kind_of_answer_is_not_looked_at() -> None:
    config = {
        "attributes": [
            attribute("plain", "response_body", "id", default_value="d"),
            attribute("events", "response_streaming_body", "id", rule="first", default_value="d"),
        ]
    }
    async with stage(config, events(delta(content="a")), answer_json(COMPLETION)) as it:
        streamed, plain = await it.ask(), await it.ask()
    assert streamed.labels.ai_log["events"] == "x"
    assert "plain" not in streamed.labels.ai_log
    assert plain.labels.ai_log["plain"] == "x"
    assert "events" not in plain.labels.ai_log


async def test_tool_calls_are_put_together_by_index() -> None:
    def call(index: int, **function: str) -> dict[str, Any]:
        head = {"id": f"call_{index}", "type": "function"} if "name" in function else {}
        return {"index": index, **head, "function": function}

    script = events(
        delta(tool_calls=[call(0, name="f", arguments="")]),
        delta(tool_calls=[call(1, name="g", arguments="{}")]),
        delta(tool_calls=[call(0, arguments='{"a"')]),
        delta(tool_calls=[call(0, arguments=":1}")]),
    )
    async with stage({"use_default_attributes": True}, script) as it:
        seen = await it.ask()
    assert seen.labels.ai_log["tool_calls"] == [
        {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"index": 1, "id": "call_1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


async def test_an_anthropic_stream() -> None:
    script = events(
        {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 9, "output_tokens": 1}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}},
        done=False,
    )
    body = {"model": "claude", "system": "be brief", "messages": [{"role": "user", "content": "q"}]}
    async with stage({"use_default_attributes": True}, script) as it:
        seen = await it.ask(body, path="/v1/messages")
    log = seen.labels.ai_log
    assert (log["chat_id"], log["model"], log["answer"], log["system"]) == ("msg_1", "claude", "Hello", "be brief")
    assert (log["input_token"], log["output_token"], log["total_token"]) == (9, 5, 14)
    assert log["tool_calls"] == [
        {"index": 1, "id": "t", "type": "tool_use", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]


async def test_details_of_the_default_sets_are_text() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 1}}
    config = {"use_default_response_attributes": True}
    async with stage(config, events(delta(content="a"), {"choices": [], "usage": usage})) as it:
        seen = await it.ask()
    log = seen.labels.ai_log
    assert (log["cached_tokens"], log["reasoning_tokens"]) == (0, None)
    assert log["input_token_details"] == '{"audio_tokens":1,"cached_tokens":0}'
    assert log["output_token_details"] is None
    assert "answer" not in log


# Usage


async def test_usage_that_the_client_does_not_see() -> None:
    async with stage({}, events(delta(content="a"))) as it:

        async def proxy(exchange: Exchange) -> Reply:
            reply = await it.forward(exchange)
            usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 4}}
            answered(exchange, {"model": "gpt-4o", "choices": [], "usage": usage})
            return reply

        seen = await it.ask(end=proxy)
        assert b"usage" not in seen.body
    log = seen.labels.ai_log
    assert (log["model"], log["input_token"], log["output_token"], log["total_token"]) == ("gpt-4o", 10, 5, 15)
    assert log["input_token_details"] == {"cached_tokens": 4}
    assert counted(it)["total_token"] == 15


@pytest.mark.parametrize("config", [{}, {"use_default_response_attributes": True}])
async def test_events_of_which_nothing_is_wanted_are_not_even_cut(config: Any) -> None:
    def cut(data: bytes) -> list[Chunk]:
        raise AssertionError("somebody looked at an event")

    async def proxy(exchange: Exchange) -> Reply:
        answered(exchange, {**COMPLETION, "choices": []})
        reply = exchange.reply(b"", headers={"content-type": "text/event-stream"}, streaming=True)

        async def burst(inner: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
            async for _ in inner:
                yield Burst(b"data: 1\n\ndata: 2\n\n", cut)

        return reply.through(burst)

    async with stage(config) as it:
        seen = await it.ask({**QUESTION, "stream": True}, end=proxy)
        assert seen.body == b"data: 1\n\ndata: 2\n\n"
    assert (seen.labels.ai_log["chat_id"], seen.labels.ai_log["total_token"]) == ("x", 15)


async def test_a_chunk_that_says_that_usage_comes_later_is_none() -> None:
    async with stage({}, events({**delta(content="a"), "usage": None})) as it:
        seen = await it.ask()
    assert "model" not in seen.labels.ai_log
    assert counted(it) == {}


# Failures


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        (answer_json({"error": {"message": "x"}}, 500), 1),
        (answer_json({"error": "x"}), 1),
        (Answer(503, pieces=[]), 1),
        (Answer(503, pieces=[b"<html>"]), 0),
        (answer_json({"ok": 1}, 404), 0),
        (answer_json({"error": None}), 0),
        (answer_json({"error": {}}), 0),
        (events({"error": {"message": "x"}}, {"error": {"message": "y"}}), 1),
        (events(delta(content='the word "error": none')), 0),
    ],
)
async def test_failures(answer: Answer, failures: int) -> None:
    async with stage({}, answer) as it:
        await it.ask()
    assert counts(it) == ({("llm_failure_count", ("test-route", CLUSTER, "m", "none")): failures} if failures else {})


@pytest.mark.parametrize(
    "error", [GatewayError(400, "no"), UpstreamError(UpstreamFault.CONNECT, "nobody there")], ids=["own", "upstream"]
)
async def test_a_request_without_an_answer_is_logged_and_counted(error: Exception) -> None:
    async with stage({"attributes": [attribute("question")]}) as it:

        async def broken(exchange: Exchange) -> Reply:
            raise error

        with pytest.raises(type(error)):
            await it.ask(end=broken)
    log = it.exchange.labels.ai_log
    assert (log["chat_round"], log["question"], log["llm_service_duration"]) == (1, "q", 0)
    assert counted(it) == {"llm_failure_count": 1}


async def test_a_stream_that_breaks_is_a_failure_and_keeps_its_usage() -> None:
    pieces = [b'data: {"id":"x","model":"m","usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n']
    broken = UpstreamError(UpstreamFault.RESET, "gone")
    async with stage({}, Answer(headers={"content-type": "text/event-stream"}, pieces=[*pieces, broken])) as it:
        with pytest.raises(UpstreamError):
            await it.ask()
    assert it.exchange.labels.ai_log["total_token"] == 2
    assert counted(it)["llm_failure_count"] == 1
    assert counted(it)["total_token"] == 2


async def test_a_client_that_leaves_is_logged_and_no_failure() -> None:
    async with stage({}, events(delta(content="a"), delta(content="b"))) as it:
        exchange, reply = await it.send()
        await anext(aiter(reply))
        await it.close(exchange)
    assert exchange.labels.ai_log["chat_id"] == "x"
    assert exchange.labels.ai_log["llm_service_duration"] == 0
    assert counted(it) == {}


# What is looked at, and under which names


@pytest.mark.parametrize(
    ("config", "path", "looked_at"),
    [
        ({}, "/anything", True),
        ({"use_default_attributes": True}, "/v1/chat/completions", True),
        ({"use_default_response_attributes": True}, "/v1/messages", True),
        ({"use_default_attributes": True}, "/v1/embeddings", False),
        ({"use_default_attributes": True, "enable_path_suffixes": ["*"]}, "/v1/embeddings", True),
        ({"use_default_attributes": True, "enable_path_suffixes": []}, "/v1/embeddings", True),
        ({"enable_path_suffixes": ["/chat/completions"]}, "/v1/completions", False),
        ({"enable_path_suffixes": ["/a", "/completions"]}, "/v1/completions", True),
    ],
)
async def test_path_suffixes(config: Any, path: str, looked_at: bool) -> None:
    async with stage(config, answer_json(COMPLETION)) as it:
        seen = await it.ask(path=path)
    assert bool(seen.labels.ai_log) == looked_at
    assert bool(counted(it)) == looked_at


@pytest.mark.parametrize(
    ("types", "looked_at"), [(["text/event-stream"], False), (["json"], True), (["text/plain", "*"], True), ([], True)]
)
async def test_content_types(types: list[str], looked_at: bool) -> None:
    async with stage({"enable_content_types": types}, answer_json(COMPLETION)) as it:
        seen = await it.ask()
    assert seen.labels.ai_log["chat_round"] == 1
    assert ("response_type" in seen.labels.ai_log) == looked_at
    assert bool(counted(it)) == looked_at


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ({}, None),
        ({"x-agent-session": "a", "x-openclaw-session-key": "b"}, "b"),
        ({"x-agent-session": "a", "x-sess": "c"}, "c"),
    ],
)
async def test_sessions(headers: dict[str, str], session: str | None) -> None:
    async with stage({"session_id_header": "x-sess"}, answer_json(COMPLETION)) as it:
        seen = await it.ask(**headers)
    assert seen.labels.ai_log.get("session_id") == session


@pytest.mark.parametrize(
    ("route", "api", "label"),
    [("test-route", "-", "test-route"), ("a@b@c@d", "a@b@c", "a@b@c"), ("a@b", "-", "a@b")],
)
async def test_names_of_apis(route: str, api: str, label: str) -> None:
    async with stage({}, answer_json(COMPLETION)) as it:
        seen = await it.ask(route=ROUTE._replace(name=route))
    assert seen.labels.ai_log["api"] == api
    assert {labels[0] for _, labels in counts(it)} == {label}


@pytest.mark.parametrize(
    ("service", "authority", "tls_name", "cluster"),
    [
        ("llm.dns:8443", "", "", "outbound|8443||llm.dns"),
        ("llm.static", "", "", "outbound|80||llm.static"),
        ("", "api.openai.com", "api.openai.com", "outbound|443||api.openai.com"),
        ("", "localhost:11434", "", "outbound|11434||localhost"),
        ("", "", "", "outbound|1||127.0.0.1"),
    ],
)
async def test_clusters(service: str, authority: str, tls_name: str, cluster: str) -> None:
    route = Route("r", service, Target(Origin("http", "127.0.0.1", 1, tls_name), authority))
    assert ai_statistics.cluster_of(make_exchange(chat(QUESTION), route=route)) == cluster


async def test_consumers() -> None:
    async with stage({}, answer_json(COMPLETION)) as it:
        await it.ask(consumer="alice")
    assert {labels[3] for _, labels in counts(it)} == {"alice"}
    keys = {"keys": ["x-key"], "consumers": [{"name": "bob", "credential": "k"}]}
    plugins = {"ai-statistics": {}, "key-auth": keys}
    async with world(plugins, answer_json(COMPLETION), metrics=Metrics()) as it:
        await it.ask(consumer="alice", x_key="k")
    assert {labels[3] for _, labels in counts(it)} == {"bob"}


async def test_a_provider_that_failed_is_counted_where_another_one_answered() -> None:
    """And its name and reason are noted, without its words, which may quote a key."""
    providers = [{"id": name, "type": "openai", "apiTokens": ["k"]} for name in ("slow", "broken", "good")]
    routing = {"providers": providers, "activeProviderId": "slow", "fallback": ["broken", "good"]}
    script = (
        Answer(error=UpstreamError(UpstreamFault.FIRST_BYTE_TIMEOUT, "10.0.0.1: silent")),
        answer_json({"error": {"message": "not with the key k"}}, 401),
        answer_json(COMPLETION),
    )
    async with world({"ai-statistics": {}, "ai-proxy": routing}, *script, route=ROUTE, metrics=Metrics()) as it:
        seen = await it.ask()
    assert seen.labels.failed == [("slow", "504 upstream_first_byte_timeout"), ("broken", "401")]
    failed = {labels[1]: value for (name, labels), value in counts(it).items() if name == "failed_provider_count"}
    assert (failed, "llm_failure_count" in counted(it)) == ({"slow": 1, "broken": 1}, False)


async def test_a_request_is_seen_as_the_client_sent_it() -> None:
    async with stage({"attributes": [attribute("question"), attribute("h", "request_header", "x-a")]}) as it:

        async def rewriting(exchange: Exchange) -> Reply:
            exchange.request.document.set("messages", [])
            exchange.request.headers["x-a"] = "2"
            return await it.forward(exchange)

        seen = await it.ask(x_a="1", end=rewriting)
    assert (seen.labels.ai_log["question"], seen.labels.ai_log["h"]) == ("q", "1")


# Values and fields


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0123456789", "0123456789"),
        ("0123456789A", "01234 [truncated] 6789A"),
        ("中文中文", "中 [truncated] 文"),
        ([1, 2, 3], [1, 2, 3]),
        ([10, 20, 30, 40], "[10,2 [truncated] 0,40]"),
        (None, None),
    ],
)
async def test_long_values_lose_their_middle(value: Any, shown: Any) -> None:
    config = {"value_length_limit": 10, "attributes": [attribute("v", "request_body", "v", apply_to_span=True)]}
    async with stage(config, answer_json(COMPLETION)) as it:
        seen = await it.ask({"v": value})
    assert seen.labels.ai_log["v"] == shown
    assert ("v" in seen.labels.span_tags) == (value is not None)


async def test_separate_fields_and_added_ones() -> None:
    config = {"attributes": [attribute("rb", "response_body", "id", as_separate_log_field=True)]}
    async with stage(config, answer_json(COMPLETION)) as it:

        async def cached(exchange: Exchange) -> Reply:
            exchange.labels.ai_log["cache_status"] = "miss"
            return await it.forward(exchange)

        seen = await it.ask(end=cached)
    assert seen.labels.log_properties == {"rb": "x"}
    assert seen.labels.ai_log["cache_status"] == "miss"
    assert "rb" not in seen.labels.ai_log


# Malformed and unnamed


@pytest.mark.parametrize(
    "body", [b"", b"no json", b'{"model":', b'{"model":1,"messages":5}', b'{"messages":[1,"a"]}', b"[]", b"\xff"]
)
@pytest.mark.parametrize(
    "answer", [b"", b"no json", b"[]", b'{"usage":5,"id":{}}', b'{"usage":{"prompt_tokens":"x"}}', b"\xff"]
)
async def test_malformed_bodies_pass(body: bytes, answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with stage({"use_default_attributes": True}, Answer(pieces=[answer])) as it:
        seen = await it.ask(body)
    assert seen.body == answer
    assert seen.labels.ai_log["response_type"] == "normal"
    assert not caplog.records


@pytest.mark.parametrize(
    ("model", "path", "label"),
    [
        ({"model": "m"}, "/v1/chat/completions", "m"),
        ({}, "/v1beta/models/gemini-2.0-flash:streamGenerateContent", "gemini-2.0-flash"),
        ({}, "/v1/chat/completions", "UNKNOWN"),
    ],
)
async def test_models_that_the_answer_does_not_name(model: dict[str, Any], path: str, label: str) -> None:
    async with stage({}, answer_json({"usage": USAGE})) as it:
        seen = await it.ask(model, path=path)
    assert seen.labels.ai_log["model"] == label
    assert {labels[2] for _, labels in counts(it)} == {label}


DEPLOYED = "/openai/deployments/our-gpt/chat/completions"
FORM = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("body", "path", "kind", "label", "higress"),
    [
        (b'{"messages":[]}', DEPLOYED, "application/json", "our-gpt", "UNKNOWN"),
        (b'{"model":"x"}', DEPLOYED, "application/json", "our-gpt", "x"),
        (FORM, "/openai/deployments/our-gpt/audio/transcriptions", "multipart/form-data; boundary=x", "our-gpt", "UNKNOWN"),
        (FORM, "/v1/audio/transcriptions", "multipart/form-data; boundary=x", "whisper-1", "UNKNOWN"),
        (b'{"contents":[]}', "/v1beta/models/a%2Fb:generateContent", "application/json", "a/b", "a%2Fb"),
        (b'{"content":{}}', "/v1/models/emb:embedContent", "application/json", "emb", "emb"),
        (b'{"requests":[]}', "/v1/models/emb:batchEmbedContents", "application/json", "emb", "UNKNOWN"),
    ],
)  # fmt: skip
async def test_models_that_the_body_does_not_name(body: bytes, path: str, kind: str, label: str, higress: str) -> None:
    for fidelity, expected in (("safe", label), ("higress", higress)):
        async with stage({}, answer_json({"usage": USAGE}), fidelity=fidelity) as it:
            seen = await it.ask(body, path=path, content_type=kind)
        assert seen.labels.ai_log["model"] == expected
        assert seen.labels.span_tags["gen_ai.request.model"] == expected


@pytest.mark.parametrize(
    ("contents", "rounds"),
    [([{"parts": []}, {"role": "model"}, {"role": "user"}], 2), ([], 0)],
)
async def test_rounds_of_gemini(contents: list[Any], rounds: int) -> None:
    async with stage({}, answer_json({})) as it:
        seen = await it.ask({"contents": contents})
    assert seen.labels.ai_log["chat_round"] == rounds


# Configurations


def findings(config: Any, **more: Any) -> str:
    try:
        configured({"ai-statistics": config}, **more)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"attributes": [{"key": "answer", "rule": "last"}]},
            "value of rule must be one of [nil, first, replace, append]",
        ),
        ({"attributes": [{"key": "a", "value_source": "body"}]}, "'body' is no source"),
        ({"attributes": [{"key": "a"}]}, "value_source: is missing"),
        ({"attributes": [{"value_source": "fixed_value"}]}, "has no key"),
        ({"value_length_limit": -1}, "must not be negative"),
        ({"use_default_attribute": True}, "did you mean 'use_default_attributes'"),
    ],
)
def test_configurations_that_are_refused(config: Any, message: str) -> None:
    assert message in findings(config)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"attributes": [{"key": "question", "apply_to_log": "true"}], "value_length_limit": "4000"},
        {"use_default_attributes": True, "attributes": [{"key": "a", "rule": "no"}]},
    ],
)
def test_configurations_that_are_taken(config: Any) -> None:
    assert findings(config) == ""


def test_higress_starts_with_values_that_never_come() -> None:
    configs: Iterable[Any] = ({"attributes": [{"key": "a"}]}, {"attributes": [{"key": "a", "value_source": "body"}]})
    assert [findings(config, fidelity="higress") for config in configs] == ["", ""]


CONSUMER = {"key": "consumer", "value_source": "request_header", "value": "x-mse-consumer", "apply_to_log": True}
LIGHT = ["reasoning_tokens", "cached_tokens", "input_token_details", "output_token_details"]


@pytest.mark.parametrize(
    ("general", "own", "ours", "theirs"),
    [
        (  # as in a question to Higress: the attributes of all were lost wherever a rule said anything
            {"attributes": [CONSUMER]}, {"use_default_response_attributes": False}, (["consumer"], 32_000), ([], 32_000),
        ),
        ({"attributes": [CONSUMER]}, {"value_length_limit": 5}, (["consumer"], 5), ([], 5)),
        ({"use_default_attributes": True}, {"attributes": [CONSUMER]}, (["consumer"], 32_000), (["consumer"], 32_000)),
        ({"use_default_attributes": True}, {"use_default_response_attributes": True}, (LIGHT, 4000), (LIGHT, 4000)),
        ({"attributes": [CONSUMER]}, {"attributes": []}, ([], 32_000), ([], 32_000)),
    ],
)  # fmt: skip
def test_a_rule_takes_over_what_it_does_not_say(general, own, ours, theirs):
    plugin = {**general, "_rules_": [{"_match_route_": ["default"], **own}]}
    for fidelity, expected in (("safe", ours), ("higress", theirs)):
        config = configured({"ai-statistics": plugin}, fidelity=fidelity).plugins["ai-statistics"].rules.configs[0]
        attributes, limit = config.chosen()
        assert ([each.key for each in attributes], limit) == expected

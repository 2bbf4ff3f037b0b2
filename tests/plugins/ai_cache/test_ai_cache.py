"""ai-cache as we would have it (`fidelity: safe`), at its seams: what is answered from the cache, what is kept, who
waits for whom. Higress's own behaviour is in test_higress.py and is played by tests/conformance."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from fakes import Answer, FailingStores, FakeClock, FakeResponse, FakeUpstream, answer_json, chat, events
from multidict import CIMultiDict
from world import PATIENCE, Seen, World, configured, spin, world

from aigw.core.errors import ConfigError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Request, Target
from aigw.core.reply import Reply
from aigw.core.stores import Service
from aigw.plugins.ai_cache.entry import FORMAT

CONFIG = {"cache": {"type": "redis", "serviceName": "redis.static", "cacheTTL": 60}}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
HEAD = {"id": "x", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def completion(text: str = "Hello", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE, **more}


def delta(finish: str | None = None, **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": members, "finish_reason": finish}
    return {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}


STREAM = (delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"))
USAGE_CHUNK = {**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}


def asking(stream: bool = False, **more: Any) -> dict[str, Any]:
    return {**QUESTION, **({"stream": True} if stream else {}), **more}


def told(seen: Seen) -> str:
    """What the client is told about the cache."""
    return seen.headers.get("x-aigw-cache", "")


def how(seen: Seen) -> str:
    """hit, miss or bypass."""
    return told(seen).partition(";")[0]


def parse(config: Any) -> Any:
    return configured({"ai-cache": config}).plugins["ai-cache"].rules.default


def stage(*script: Answer, config: Any = (), **more: Any) -> AbstractAsyncContextManager[World]:
    service = Service("redis.static", 80)
    return world({"ai-cache": {**CONFIG, **dict(config)}}, *script, question=QUESTION, service=service, **more)


async def test_a_second_request_is_answered_from_the_cache() -> None:
    async with stage(answer_json(completion())) as it:
        first = await it.ask()
        it.clock.now += 12.5
        second = await it.ask({"messages": QUESTION["messages"], "model": "m", "user": "ann"})
    assert len(it.upstream.sent) == 1
    assert first.body == second.body
    assert second.headers["content-type"] == first.headers["content-type"]
    key = told(first).split("key=")[1][:16]
    assert told(first) == f"miss; key={key}; reason=new"
    assert told(second) == f"hit; key={key}; age=12; ttl=48"
    for seen, status in ((first, "miss"), (second, "hit")):
        assert seen.labels.cache == status
        assert seen.labels.ai_log["cache_status"] == status
    assert second.exchange.timing.waited == 0
    assert second.exchange.answer is None


async def test_entries_expire() -> None:
    async with stage(answer_json(completion())) as it:
        await it.ask()
        it.clock.now += 61
        assert how(await it.ask()) == "miss"
    assert len(it.upstream.sent) == 2


async def test_a_stream_is_replayed_as_it_came() -> None:
    async with stage(events(*STREAM)) as it:
        first, second = await it.ask(asking(stream=True)), await it.ask(asking(stream=True))
    assert len(it.upstream.sent) == 1
    assert (how(second), second.headers["content-type"]) == ("hit", "text/event-stream")
    assert second.body == first.body


async def test_a_stream_serves_a_plain_request() -> None:
    async with stage(events(*STREAM, USAGE_CHUNK)) as it:
        await it.ask(asking(stream=True))
        plain = await it.ask()
    assert (len(it.upstream.sent), how(plain), plain.headers["content-type"]) == (1, "hit", "application/json")
    assert plain.json() == completion()


async def test_a_plain_answer_serves_a_stream() -> None:
    async with stage(answer_json(completion())) as it:
        await it.ask()
        without = await it.ask(asking(stream=True))
        with_usage = await it.ask(asking(stream=True, stream_options={"include_usage": True}))
    assert len(it.upstream.sent) == 1
    *chunks, done = without.events()
    assert done == b"[DONE]"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "Hello"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert with_usage.events() == [*chunks, USAGE_CHUNK, b"[DONE]"]


async def test_usage_is_told_to_those_who_ask_for_it() -> None:
    options = {"include_usage": True}
    async with stage(events(*STREAM, USAGE_CHUNK)) as it:
        asked = await it.ask(asking(stream=True, stream_options=options))
        silent = await it.ask(asking(stream=True))
        again = await it.ask(asking(stream=True, stream_options=options))
    assert len(it.upstream.sent) == 1
    assert again.body == asked.body
    assert silent.events() == [*STREAM, b"[DONE]"]


async def test_original_timing() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    class Slow(FakeUpstream):
        """Its pieces come a quarter of a second apart."""

        async def send(self, request: Request, target: Target) -> FakeResponse:
            response = await super().send(request, target)
            read = response.body.__anext__

            class Body:
                aclose = response.body.aclose

                def __aiter__(self) -> Body:
                    return self

                async def __anext__(self) -> bytes:
                    clock.now += 0.25
                    return await read()

            return FakeResponse(response.status, response.headers, Body())  # type: ignore[arg-type]

    clock = FakeClock()
    slow = Slow(events(*STREAM))
    async with stage(config={"replayTiming": True}, upstream=slow, clock=clock, sleep=sleep) as it:
        first, second = await it.ask(asking(stream=True)), await it.ask(asking(stream=True))
    assert second.body == first.body
    assert slept == [0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (QUESTION, {"x_higress_skip_ai_cache": "on"}, "x-higress-skip-ai-cache"),
        (QUESTION, {"cache_control": "no-store"}, "no-store"),
        ({**QUESTION, "store": True}, {}, "store"),
        ({**QUESTION, "n": 2}, {}, "n"),
    ],
)
async def test_what_passes_by(body: Any, headers: dict[str, str], reason: str) -> None:
    async with stage(answer_json(completion())) as it:
        await it.ask()
        seen = await it.ask(body, **headers)
        assert len([*await it.kept()]) == 1
    assert len(it.upstream.sent) == 2
    assert told(seen) == f"bypass; reason={reason}"
    assert seen.labels.cache == "bypass"


async def test_what_a_client_wants_fresh_is_asked_for_and_kept() -> None:
    async with stage(
        answer_json(completion("old")), answer_json(completion("new")), answer_json(completion("x"))
    ) as it:
        await it.ask()
        it.clock.now += 10
        assert how(await it.ask(cache_control="max-age=10")) == "hit"
        fresh = await it.ask(cache_control="no-cache")
        assert told(fresh).endswith("reason=no-cache")
        assert (await it.ask()).json() == completion("new")
        it.clock.now += 11
        aged = await it.ask(cache_control="max-age=10")
    assert told(aged).endswith("reason=max-age")
    assert len(it.upstream.sent) == 3


@pytest.mark.parametrize(
    "answer",
    [
        answer_json(completion(), status=500),
        answer_json({"error": {"message": "no"}}),
        answer_json(completion(choices=[])),
        answer_json(completion(choices=[{"index": 0, "message": {"content": "Hel"}, "finish_reason": None}])),
        Answer(pieces=[b"<html>"]),
        Answer(pieces=[b""]),
        Answer(headers={"content-type": "application/json", "content-encoding": "gzip"}, pieces=[b"\x1f\x8b"]),
        Answer(headers={"content-type": "audio/mpeg"}, pieces=[b"..."]),
        events(*STREAM, done=False),
        events(*STREAM[:-1]),
        events(*STREAM[:2], {"error": {"message": "overloaded"}}, STREAM[-1]),
        events(*STREAM, b'data: {"cut', done=False),
    ],
)
async def test_what_is_not_complete_is_not_kept(answer: Answer) -> None:
    async with stage(answer) as it:
        first = await it.ask(asking(stream=True))
        assert [*await it.kept()] == []
        second = await it.ask(asking(stream=True))
    assert (len(it.upstream.sent), second.body) == (2, first.body)


async def test_an_answer_of_another_provider_is_not_kept() -> None:
    async with stage(answer_json(completion())) as it:

        async def fallback(exchange: Exchange) -> Reply:
            exchange.attempts += ["first", "fallback"]
            return await it.forward(exchange)

        await it.ask(end=fallback)
        assert [*await it.kept()] == []


async def test_a_huge_answer_passes_and_is_not_kept() -> None:
    async with stage(answer_json(completion("x" * 9_000_000))) as it:
        assert len((await it.ask()).body) > 9_000_000
        assert [*await it.kept()] == []


@pytest.mark.parametrize(
    ("path", "question", "answer", "incomplete"),
    [
        ("/v1/embeddings", {"model": "m", "input": "q"}, {"data": [{"embedding": [1]}]}, {"data": []}),
        ("/v1/messages", {"model": "m", "messages": []}, {"type": "message", "stop_reason": "end_turn"}, {"stop_reason": None}),
        ("/v1/responses", {"model": "m", "input": "q", "store": False}, {"status": "completed"}, {"status": "in_progress"}),
        ("/v1/completions", {"model": "m", "prompt": "q"}, {"choices": [{"text": "a", "finish_reason": "stop"}]}, {"choices": []}),
    ],
)  # fmt: skip
async def test_other_apis(path: str, question: Any, answer: Any, incomplete: Any) -> None:
    async with stage(answer_json(incomplete), answer_json(answer)) as it:
        seen = [await it.ask(chat(question, path=path)) for _ in range(3)]
    assert [how(each) for each in seen] == ["miss", "miss", "hit"]
    assert seen[2].json() == answer


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1},
}  # fmt: skip
RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "m",
    "output": [
        {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "text": "Hello", "annotations": []}]},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "question", "answer"),
    [
        ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}, MESSAGE),
        ("/v1/responses", {"model": "m", "input": "Hi", "store": False}, RESPONSE),
    ],
)
async def test_a_stream_of_another_dialect_is_made_of_a_plain_answer_and_back(
    path: str, question: Any, answer: Any
) -> None:
    plain, stream = chat(question, path=path), chat({**question, "stream": True}, path=path)
    async with stage(answer_json(answer)) as it:
        await it.ask(plain.copy())
        streamed = await it.ask(stream.copy())
    assert (len(it.upstream.sent), how(streamed)) == (1, "hit")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    upstream = Answer(headers={"content-type": "text/event-stream"}, pieces=[streamed.body])
    async with stage(upstream) as it:
        await it.ask(stream.copy())
        back = await it.ask(plain.copy())
    assert (len(it.upstream.sent), how(back), back.headers["content-type"]) == (1, "hit", "application/json")
    assert back.json() == answer


@pytest.mark.parametrize(
    "request_",
    [
        chat(QUESTION, path="/v1/audio/speech"),
        chat(QUESTION, headers={"content-type": "text/plain"}),
        Request("GET", "/v1/models", "", CIMultiDict()),
    ],
)
async def test_other_requests_are_left_alone(request_: Request) -> None:
    async with stage(answer_json(completion())) as it:
        for _ in range(2):
            seen = await it.ask(request_)
            assert (told(seen), seen.labels.cache, seen.labels.ai_log) == ("", "", {})
    assert len(it.upstream.sent) == 2


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"aigw-cache 0\nabc",
        b"\x80\x04cos\nsystem\n",
        FORMAT,
        FORMAT + b"\x90",
        FORMAT + b"\xff" * 99,
        b"x" * 9_000_000,
    ],
)
async def test_a_value_that_is_no_entry_is_a_miss(value: bytes) -> None:
    async with stage(answer_json(completion())) as it:
        await it.ask()
        (key,) = [*await it.kept()]
        await it.kv.put(key, value)
        seen = await it.ask()
        assert told(seen).endswith("reason=format")
        assert how(await it.ask()) == "hit"
    assert len(it.upstream.sent) == 2


async def test_several_choices() -> None:
    def both(first: Any, second: Any, finish: Any) -> dict[str, Any]:
        choices = [{"index": 0, "delta": first, "finish_reason": None}, {"index": 1, "delta": second, **finish}]
        return {**HEAD, "object": "chat.completion.chunk", "choices": choices}

    start = both({"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, {"finish_reason": None})
    second_ends = both({}, {}, {"finish_reason": "length"})
    asked = asking(stream=True, n=2, temperature=0)
    async with stage(events(start, second_ends), events(start, second_ends, delta("stop"))) as it:
        assert [how(await it.ask(asked)) for _ in range(3)] == ["miss", "miss", "hit"]
        plain = await it.ask({**asked, "stream": False})
    found = [(c["index"], c["message"]["content"], c["finish_reason"]) for c in plain.json()["choices"]]
    assert found == [(0, "a", "stop"), (1, "b", "length")]


async def test_an_entry_that_cannot_be_converted_is_a_miss() -> None:
    async with stage(events(*STREAM)) as it:
        await it.ask(asking(stream=True))
        (key,) = [*await it.kept()]
        value = await it.kv.get(key)
        assert value is not None
        await it.kv.put(key, value.replace(b'"choices"', b'"chioces"'))
        assert told(await it.ask()).endswith("reason=form")


async def test_a_store_that_is_down_is_a_miss() -> None:
    async with stage(answer_json(completion()), stores=FailingStores("get", "put")) as it:
        for _ in range(2):
            seen = await it.ask()
            assert seen.json() == completion()
            assert told(seen).endswith("reason=unavailable")
    assert len(it.upstream.sent) == 2


class Gated(FakeUpstream):
    """Answers when the test lets it. `waiting` is how many requests are there."""

    def __init__(self, *script: Answer) -> None:
        super().__init__(*script)
        self.gates: list[asyncio.Future[None]] = []
        self._changed = asyncio.Event()

    async def send(self, request: Request, target: Target) -> FakeResponse:
        gate = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        self._changed.set()
        await gate
        return await super().send(request, target)

    async def arrived(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.gates) < number:
                self._changed.clear()
                await self._changed.wait()


async def test_identical_requests_go_upstream_once() -> None:
    upstream = Gated(answer_json(completion()))
    async with stage(upstream=upstream) as it:
        tasks = [asyncio.create_task(it.ask(asking(stream=number % 2 == 1))) for number in range(8)]
        await upstream.arrived(1)
        await spin()
        upstream.gates[0].set_result(None)
        seen = await asyncio.gather(*tasks)
    assert (len(it.upstream.sent), len(upstream.gates)) == (1, 1)
    assert sorted(how(each) for each in seen) == ["hit"] * 7 + ["miss"]
    assert all("reason=joined" in told(each) for each in seen if how(each) == "hit")
    assert all(each.body == seen[0].body for each in seen[::2])


async def test_the_next_one_goes_when_the_first_fails() -> None:
    broken = Answer(error=UpstreamError(UpstreamFault.RESET, "reset"))
    upstream = Gated(broken, answer_json(completion()))
    async with stage(upstream=upstream) as it:
        tasks = [asyncio.create_task(it.ask()) for _ in range(4)]
        await upstream.arrived(1)
        await spin()
        upstream.gates[0].set_result(None)
        await upstream.arrived(2)
        await spin()
        upstream.gates[1].set_result(None)
        seen = await asyncio.gather(*tasks, return_exceptions=True)
    assert len(upstream.gates) == 2
    assert [type(each) for each in seen].count(UpstreamError) == 1
    assert sorted(how(each) for each in seen if isinstance(each, Seen)) == ["hit", "hit", "miss"]


async def test_the_next_one_goes_when_the_first_client_leaves() -> None:
    upstream = Gated(answer_json(completion()))
    async with stage(upstream=upstream) as it:
        first = asyncio.create_task(it.ask())
        await upstream.arrived(1)
        others = [asyncio.create_task(it.ask()) for _ in range(3)]
        await spin()
        first.cancel()
        await upstream.arrived(2)
        await spin()
        upstream.gates[1].set_result(None)
        seen = await asyncio.gather(*others)
    assert first.cancelled()
    assert len(upstream.gates) == 2
    assert sorted(how(each) for each in seen) == ["hit", "hit", "miss"]


async def test_one_that_waits_may_leave() -> None:
    upstream = Gated(answer_json(completion()))
    async with stage(upstream=upstream) as it:
        first = asyncio.create_task(it.ask())
        await upstream.arrived(1)
        leaving, staying = asyncio.create_task(it.ask()), asyncio.create_task(it.ask())
        await spin()
        leaving.cancel()
        await spin()
        upstream.gates[0].set_result(None)
        assert [how(await first), how(await staying)] == ["miss", "hit"]
    assert leaving.cancelled()


async def test_nobody_gets_half_a_stream() -> None:
    """The first client leaves in the middle of its answer."""
    upstream = Gated(events(*STREAM))
    async with stage(upstream=upstream) as it:
        leading = asyncio.create_task(it.send(asking(stream=True)))
        await upstream.arrived(1)
        other = asyncio.create_task(it.ask(asking(stream=True)))
        await spin()
        upstream.gates[0].set_result(None)
        exchange, reply = await leading
        await anext(aiter(reply))
        assert not other.done()
        await exchange.aclose()
        await upstream.arrived(2)
        upstream.gates[1].set_result(None)
        seen = await other
    assert how(seen) == "miss"
    assert seen.events() == [*STREAM, b"[DONE]"]


async def test_after_two_failures_the_others_go_all_at_once() -> None:
    upstream = Gated(answer_json({"error": "busy"}, status=429))
    async with stage(upstream=upstream) as it:
        tasks = [asyncio.create_task(it.ask()) for _ in range(5)]
        for number in range(2):
            await upstream.arrived(number + 1)
            await spin()
            assert len(upstream.gates) == number + 1
            upstream.gates[number].set_result(None)
        await upstream.arrived(5)
        for gate in upstream.gates[2:]:
            gate.set_result(None)
        seen = await asyncio.gather(*tasks)
    assert [each.status for each in seen] == [429] * 5


async def test_what_is_stored_while_others_come_is_found() -> None:
    """Between the last byte and the end of a slow write."""
    written = asyncio.Event()

    class Slow:
        def kv(self, service: Any) -> Any:
            return self

        async def get(self, key: str) -> bytes | None:
            return None

        async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
            await written.wait()

    async with stage(answer_json(completion()), stores=Slow()) as it:
        first = asyncio.create_task(it.ask())
        await spin()
        assert how(await it.ask()) == "hit"
        written.set()
        await first
    assert len(it.upstream.sent) == 1


async def test_events_are_seen_one_by_one_by_those_in_front() -> None:
    """ai-statistics looks at every event of a hit, too."""
    seen: list[bytes | None] = []

    def look(batch: Batch) -> None:
        seen.extend([chunk.data for chunk in batch])

    async with stage(events(*STREAM)) as it:
        await it.ask(asking(stream=True))
        _, reply = await it.send(asking(stream=True))
        assert reply.streaming
        await reply.tap(look).body()
    assert [json.loads(data) for data in seen[:-1] if data] == list(STREAM)


@pytest.mark.parametrize(
    ("config", "prefix", "ttl", "service"),
    [
        ({"redis": {"serviceName": "redis.static"}}, "higress-ai-cache:", 0, ("redis.static", 80, "", "", 0, 10.0)),
        (
            {"redis": {"serviceName": "r.dns", "servicePort": 7000, "timeout": 2000, "username": "u", "password": "p"}},
            "higress-ai-cache:", 0, ("r.dns", 7000, "u", "p", 0, 2.0),
        ),
        (
            {"redis": {"serviceName": "r.dns", "cacheKeyPrefix": "a:", "cacheTTL": 5}, "cacheTTL": 9},
            "a:", 9, ("r.dns", 6379, "", "", 0, 10.0),
        ),
        ({"redis": {"serviceName": "r.dns", "cacheTTL": 5}, "cacheTTL": 0}, "higress-ai-cache:", 0, ("r.dns", 6379, "", "", 0, 10.0)),
        ({"redis": {"serviceName": "r.dns"}, "cacheKeyPrefix": "a:"}, "higress-ai-cache:", 0, ("r.dns", 6379, "", "", 0, 10.0)),
        (
            {"cache": {"type": "redis", "serviceName": "r.dns", "database": 3, "cacheTTL": 60, "cacheKeyPrefix": "b:"}},
            "b:", 60, ("r.dns", 6379, "", "", 3, 10.0),
        ),
        (
            {"cache": {"type": "redis", "serviceName": "c.dns"}, "redis": {"serviceName": "r.dns", "cacheKeyPrefix": ""}},
            "", 0, ("r.dns", 6379, "", "", 0, 10.0),
        ),
        (
            {"redis": {"serviceName": "r.dns", "cacheKeyPrefix": "a:", "cacheTTL": 5}, "cacheKeyPrefix": "b:",
             "cacheTTL": 9, "cacheValueFrom": {"responseBody": "out"}},
            "b:", 9, ("r.dns", 6379, "", "", 0, 1.0),
        ),
    ],
)  # fmt: skip
def test_forms_of_the_configuration(config: Any, prefix: str, ttl: int, service: Any) -> None:
    parsed = parse(config)
    assert (parsed.prefix(), parsed.ttl()) == (prefix, ttl)
    assert parsed.service() == service


@pytest.mark.parametrize(
    ("config", "noted"),
    [
        ({"redis": {"serviceName": "r", "cacheKeyPrefix": "a:"}, "cacheTTL": 9}, []),
        ({"redis": {"serviceName": "r"}, "cacheKeyPrefix": "a:"}, ["cacheKeyPrefix: has no effect"]),
        (
            {**CONFIG, "cacheKeyPrefix": "a:", "cacheTTL": 9},
            ["cacheKeyPrefix: has no effect", "cacheTTL: has no effect"],
        ),
        (
            {"redis": {"serviceName": "r"}, "cacheKeyPrefix": "a:", "cacheStreamValueFrom": {"responseBody": "out"}},
            ["cacheStreamValueFrom: an object was understood in June 2024 only"],
        ),
    ],
)
def test_what_todays_higress_does_not_read_is_noted(config: Any, noted: list[str]) -> None:
    notes = configured({"ai-cache": config}).notes
    assert len(notes) == len(noted)
    for note, words in zip(notes, noted, strict=True):
        assert f"plugins.ai-cache.{words}" in note


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "cache, embedding and vector are all missing"),
        ({**CONFIG, "cacheKeyStrategy": "firstQuestion"}, "invalid CacheKeyStrategy"),
        ({"cache": {"type": "memcached", "serviceName": "m"}}, "must be one of redis"),
        ({"cache": {"type": "redis"}}, "serviceName"),
    ],
)
def test_what_a_configuration_may_not_say(config: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(config)


def test_a_semantic_cache_that_lacks_its_parts_is_noted() -> None:
    (note,) = configured({"ai-cache": {**CONFIG, "enableSemanticCache": True}}).notes
    assert "plugins.ai-cache.enableSemanticCache" in note
    assert not configured({"ai-cache": CONFIG}).notes


async def test_a_cache_that_is_switched_off() -> None:
    async with stage(answer_json(completion()), config={"cacheKeyStrategy": "disabled"}) as it:
        for _ in range(2):
            assert told(await it.ask()) == ""
    assert len(it.upstream.sent) == 2

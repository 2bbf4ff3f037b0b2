"""ai-cache as we would have it (`fidelity: safe`), at its seams: what is answered from the cache, what is kept, who
waits for whom. Higress's own behaviour is in test_higress.py and is played by tests/conformance."""

from __future__ import annotations

from typing import Any

import pytest
from ai_cache_world import QUESTION, completion, how, stage, told
from fakes import FailingStores, answer_json, chat
from multidict import CIMultiDict

from aigw.core.model import Request
from aigw.plugins.ai_cache.entry import FORMAT


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
    ("path", "question", "answer", "incomplete"),
    [
        ("/v1/embeddings", {"model": "m", "input": "q"}, {"data": [{"embedding": [1]}]}, {"data": []}),
        ("/v1/messages", {"model": "m", "messages": []}, {"type": "message", "stop_reason": "end_turn"}, {"stop_reason": None}),
        ("/v1/responses", {"model": "m", "input": "q", "store": False},
         {"status": "completed", "output": [{"type": "message"}]}, {"status": "completed", "output": []}),
        ("/v1/completions", {"model": "m", "prompt": "q"}, {"choices": [{"text": "a", "finish_reason": "stop"}]}, {"choices": []}),
    ],
)  # fmt: skip
async def test_other_apis(path: str, question: Any, answer: Any, incomplete: Any) -> None:
    async with stage(answer_json(incomplete), answer_json(answer)) as it:
        seen = [await it.ask(chat(question, path=path)) for _ in range(3)]
    assert [how(each) for each in seen] == ["miss", "miss", "hit"]
    assert seen[2].json() == answer


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


async def test_a_store_that_is_down_is_a_miss() -> None:
    async with stage(answer_json(completion()), stores=FailingStores("get", "put")) as it:
        for _ in range(2):
            seen = await it.ask()
            assert seen.json() == completion()
            assert told(seen).endswith("reason=unavailable")
    assert len(it.upstream.sent) == 2


async def test_a_cache_that_is_switched_off() -> None:
    async with stage(answer_json(completion()), config={"cacheKeyStrategy": "disabled"}) as it:
        for _ in range(2):
            assert told(await it.ask()) == ""
    assert len(it.upstream.sent) == 2

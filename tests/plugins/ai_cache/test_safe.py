"""Who waits for whom: identical requests go upstream once, and nobody waits for what never comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ai_cache_world import STREAM, asking, completion, how, stage, told
from fakes import Answer, FakeResponse, FakeUpstream, answer_json, events
from world import PATIENCE, Seen, spin

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Request, Target


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
    writing: list[Callable[[], None]] = []

    class Slow:
        def kv(self, service: Any) -> Any:
            return self

        async def get(self, key: str) -> bytes | None:
            return None

        def put_soon(self, key: str, value: bytes, ttl: float | None, then: Callable[[], None]) -> None:
            writing.append(then)

    async with stage(answer_json(completion()), stores=Slow()) as it:
        first = asyncio.create_task(it.ask())
        await spin()
        assert how(await it.ask()) == "hit"
        (stored,) = writing
        stored()
        await first
    assert len(it.upstream.sent) == 1

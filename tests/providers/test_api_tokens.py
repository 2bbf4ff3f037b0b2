"""The API tokens of a provider: one that fails is taken out of use, and comes back."""

import pytest
from ai_proxy_world import HELLO, STREAM, proxy
from fakes import FakeClock, FakeUpstream, answer_json, chat, events

from aigw.core.errors import FailedAnswerError


async def test_a_token_that_keeps_failing_is_taken_out_of_use_and_comes_back():
    failover = {"enabled": True, "failureThreshold": 2, "cooldownDuration": 1000}
    upstream, clock = FakeUpstream(answer_json({}, 401)), FakeClock()
    async with proxy(
        {"provider": {"type": "openai", "apiTokens": ["t1", "t2"], "failover": failover}}, upstream, clock=clock
    ) as send:

        async def used(count):
            start = len(upstream.sent)
            for _ in range(count):
                await send(chat(HELLO))
            return [request.headers["authorization"][7:] for request, _ in upstream.sent[start:]]

        first = await used(12)
        out = first[next(i for i in range(12) if first[: i + 1].count(first[i]) == 2)]
        after = first[first.index(out) + 1 :]
        assert out not in after[after.index(out) + 1 :][:1]
        clock.now += 2
        assert set(await used(20)) == {"t1", "t2"}


async def test_an_error_event_counts_as_a_failure_of_its_token():
    failover = {"enabled": True, "failureThreshold": 1, "cooldownDuration": 60_000}
    upstream = FakeUpstream(events({"error": {"message": "no"}}))
    async with proxy(
        {"provider": {"type": "openai", "apiTokens": ["t1", "t2"], "failover": failover}}, upstream
    ) as send:
        for _ in range(2):
            with pytest.raises(FailedAnswerError, match="no"):
                await send(chat(STREAM))
    assert {request.headers["authorization"] for request, _ in upstream.sent} == {"Bearer t1", "Bearer t2"}

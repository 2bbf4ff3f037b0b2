"""ai-budget at its seams: what is let in, set aside, charged on every path, and what a refusal says."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, chat, events, make_env, make_exchange
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.config.load import load
from aigw.core.errors import ConfigError, GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Route, Target
from aigw.core.stores import StoreError
from aigw.pipeline.forward import Forward
from aigw.plugins.ai_budget import plugin as ai_budget
from aigw.pricing.prices import Price, PriceOverride, Prices
from aigw.stores.memory import MemoryStores

ROUTE = Route("llm", "", Target(Origin("http", "127.0.0.1", 1), "up"))
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "one two"}]}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ANSWER = {
    "model": "m",
    "choices": [{"index": 0, "message": {"content": "yo"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
PRICES = {"m": PriceOverride(input=1000, output=2000)}
"""An answer costs 0.02 dollars."""
RUN = "{aigw-budget}:used:b:run-1"


class Broken(MemoryStores):
    """Stores that cannot be used. `settles`: only at the end of a request."""

    def __init__(self, settles=False):
        super().__init__()
        self._settles = settles

    def counter(self, service: Any = None) -> Any:
        broken, counter = self, super().counter()

        class Counter:
            def __getattr__(self, name):
                return getattr(counter, name)

            async def hold(self, limits, **more):
                if not broken._settles:
                    raise StoreError("the disk is full")
                return await counter.hold(limits, **more)

            async def settle(self, *arguments, **more):
                raise StoreError("the disk is full")

        return Counter()


async def knows_nothing(query, at):
    return None


class Stage:
    """The plugin over an upstream that follows a script and is somebody's provider."""

    def __init__(self, *script, stores=None, prices=PRICES, book=knows_nothing, provider="openai", **config):
        self.clock = FakeClock(1_795_400_000.0)  # 2026-11-23T02:13:20Z
        self.stores = stores or MemoryStores(self.clock.time)
        self.upstream = FakeUpstream(*(script or [answer_json(ANSWER)]))
        env = make_env(self.upstream, clock=self.clock, stores=self.stores)
        env = replace(env, run="run-1", prices=Prices(prices, book))
        config.setdefault("budgets", [{"name": "b", "per": "run", "calls": 2}])
        self.plugin = ai_budget.AiBudget(msgspec.convert(config, ai_budget.Config), env)
        self.forward = Forward(self.upstream, self.clock)
        self.provider = provider
        self.exchanges: list[Any] = []
        self.gate: asyncio.Event | None = None

    async def _terminal(self, exchange):
        """As ai-proxy does: somebody is asked, and the usage is read."""
        exchange.attempts.append(self.provider)
        exchange.provider = self.provider
        if self.gate is not None:
            await self.gate.wait()
        exchange.timing.waited = 0.1
        reply = await self.forward(exchange)
        if not reply.streaming and (whole := await reply.whole(1 << 20)) is not None:
            exchange.answer.feed([whole])
        return reply

    async def ask(self, body=QUESTION, *, read=True, route=ROUTE, consumer="", method="POST", path=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = chat(body, headers=named, **({"path": path} if path else {}))
        request.method = method
        exchange = make_exchange(request, route=route)
        exchange.consumer = consumer
        self.exchanges.append(exchange)
        try:
            reply = await self.plugin(exchange, self._terminal)
            return await reply.body() if read else reply
        finally:
            if read:
                await self.end(exchange)

    async def end(self, exchange):
        await exchange.aclose()
        await exchange.settled()

    async def used(self, key=RUN):
        (count,) = await self.stores.counter().read(key)
        assert count.held == 0
        return count.used

    async def refused(self, *arguments, **more):
        sent = len(self.upstream.sent)
        with pytest.raises(GatewayError) as caught:
            await self.ask(*arguments, **more)
        assert len(self.upstream.sent) == sent
        return caught.value


# ---- what is counted


async def test_calls():
    stage = Stage()
    await stage.ask()
    await stage.ask()
    error = await stage.refused()
    assert (error.status, error.kind, error.code) == (402, "budget_exceeded", "budget_exceeded")
    assert error.headers == {"x-should-retry": "false"}
    assert error.message == (
        "the budget 'b' is used up: 2 calls of 2 calls for run run-1; to raise it: aigw budget raise b 2 --for run=run-1"
    )
    assert stage.exchanges[-1].labels.remarks["ai-budget"] == "budget b used up"


async def test_tokens():
    stage = Stage(budgets=[{"name": "b", "per": "run", "tokens": 30}])
    await stage.ask()
    assert await stage.used() == 15
    await stage.ask()
    assert "30 tokens of 30 tokens" in (await stage.refused()).message


async def test_dollars():
    stage = Stage(budgets=[{"name": "b", "per": "run", "usd": 0.03}])
    await stage.ask()
    assert await stage.used() == 20_000_000
    await stage.ask()
    assert "$0.04 of $0.03" in (await stage.refused()).message


async def test_a_cost_that_the_provider_tells():
    stage = Stage(
        answer_json({**ANSWER, "usage": {**USAGE, "cost": 0.5}}), budgets=[{"name": "b", "per": "run", "usd": 1}]
    )
    await stage.ask()
    assert await stage.used() == 500_000_000


async def test_a_limit_of_nothing_lets_nothing_in():
    await Stage(budgets=[{"name": "b", "per": "run", "usd": 0}]).refused()


async def test_several_budgets_are_charged_together_and_any_of_them_refuses():
    budgets = [{"name": "b", "per": "run", "usd": 1}, {"name": "c", "calls": 1}]
    stage = Stage(budgets=budgets)
    await stage.ask()
    assert "'c' is used up: 1 call of 1 call; to raise it: aigw budget raise c 1" in (await stage.refused()).message
    assert (await stage.used(), await stage.used("{aigw-budget}:used:c:")) == (20_000_000, 1)


@pytest.mark.parametrize(
    ("per", "one", "other", "key"),
    [
        ("run", {"x_aigw_run": "r1"}, {"x_aigw_run": "r2"}, "r1"),
        ("session", {"x_aigw_session": "s1"}, {"x_agent_session": "s2"}, "s1"),
        ("consumer", {"consumer": "ann"}, {}, "ann"),
        ("route", {}, {"route": ROUTE._replace(name="other")}, "llm"),
        (["consumer", "route"], {"consumer": "a/b"}, {"consumer": "c"}, "a%2Fb/llm"),
    ],
)
async def test_whose_budget_it_is(per, one, other, key):
    stage = Stage(budgets=[{"name": "b", "per": per, "calls": 1}])
    await stage.ask(**one)
    await stage.ask(**other)
    await stage.refused(**one)
    await stage.refused(**other)
    assert await stage.used(f"{{aigw-budget}}:used:b:{key}") == 1


@pytest.mark.parametrize("name", ["\udcff", "a" * 5000, "a\tb", "{x}:y/z%", "ü"])
async def test_any_name_of_a_clients_is_a_name(name):
    stage = Stage(budgets=[{"name": "b", "per": "run", "calls": 1}])
    await stage.ask(x_aigw_run=name)
    assert (await stage.refused(x_aigw_run=name)).status == 402
    await stage.ask(x_aigw_run="another")


@pytest.mark.parametrize(
    ("per", "zone", "anew", "seconds"),
    [
        ("day", "UTC", "2026-11-24T00:00+00:00", 78_400),
        ("day", "Asia/Shanghai", "2026-11-24T00:00+08:00", 49_600),
        ("month", "UTC", "2026-12-01T00:00+00:00", 683_200),
    ],
)
async def test_it_begins_anew(per, zone, anew, seconds):
    stage = Stage(budgets=[{"name": "b", "per": per, "calls": 1}], timezone=zone)
    await stage.ask()
    stage.clock.now += seconds - 1
    assert f"it begins anew at {anew}" in (await stage.refused()).message
    stage.clock.now += 1
    await stage.ask()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v1/messages/count_tokens"), ("GET", "/v1/models")]
)
async def test_what_is_free_is_let_in(method, path):
    stage = Stage(budgets=[{"name": "b", "per": "run", "calls": 0}])
    await stage.ask(method=method, path=path)


# ---- set aside and settled


async def test_what_runs_is_set_aside():
    """A burst: others are let in while what they may use together is below the limit."""
    stage = Stage(budgets=[{"name": "b", "per": "run", "usd": 0.05}])
    stage.gate = asyncio.Event()
    body = {**QUESTION, "max_tokens": 9}  # 2 and 9 tokens: 0.02 dollars
    calls = [asyncio.create_task(stage.ask(body)) for _ in range(10)]
    await asyncio.sleep(0)
    while len(stage.exchanges) < 10 or sum(bool(each.attempts) for each in stage.exchanges) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    (count,) = await stage.stores.counter().read(RUN)
    assert (count.used, count.held) == (0, 60_000_000)
    stage.gate.set()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    refused = [end for end in ends if isinstance(end, GatewayError)]
    assert (len(ends) - len(refused), len(stage.upstream.sent)) == (3, 3)
    assert all(
        "is spoken for: $0.00 of $0.05 for run run-1, and $0.06 set aside for calls that are running" in e.message
        for e in refused
    )
    assert await stage.used() == 60_000_000


async def test_a_stream_is_settled_before_its_end():
    pieces = [{"choices": [{"index": 0, "delta": {"content": "yo"}}]}, {"model": "m", "choices": [], "usage": USAGE}]
    stage = Stage(events(*pieces), budgets=[{"name": "b", "per": "run", "usd": 1}])
    reply = await stage.ask({**QUESTION, "stream": True}, read=False)
    async for batch in reply:
        if batch[-1].data == b"[DONE]":
            assert await stage.used() == 20_000_000
    await stage.end(stage.exchanges[0])
    assert await stage.used() == 20_000_000


async def test_a_client_that_leaves_pays_for_what_came():
    pieces = [{"model": "m", "choices": [{"index": 0, "delta": {"content": "one two three"}}]}]
    stage = Stage(events(*pieces, *pieces), budgets=[{"name": "b", "per": "run", "usd": 1}])
    reply = await stage.ask({**QUESTION, "stream": True}, read=False)
    await anext(aiter(reply))
    await stage.end(stage.exchanges[0])
    assert await stage.used() >= 2 * 1_000_000 + 3 * 2_000_000


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        (Answer(error=UpstreamError(UpstreamFault.CONNECT, "no")), 1),
        (answer_json({"error": {"message": "no"}}, 500), 1),
    ],
)
async def test_a_call_that_fails_costs_no_money(script, calls):
    budgets = [{"name": "b", "per": "run", "usd": 1}, {"name": "c", "per": "run", "calls": 9}]
    stage = Stage(script, budgets=budgets)
    try:
        await stage.ask()
    except UpstreamError:
        assert script.error is not None
    assert (await stage.used(), await stage.used("{aigw-budget}:used:c:run-1")) == (0, calls)
    assert await stage.used("{aigw-budget}:unpriced:b:run-1") == 0


async def test_an_answer_of_the_gateways_own_costs_nothing():
    stage = Stage()

    async def refuses(exchange):
        raise GatewayError(400, "no")

    exchange = make_exchange(chat(QUESTION), route=ROUTE)
    with pytest.raises(GatewayError):
        await stage.plugin(exchange, refuses)
    await stage.end(exchange)
    assert await stage.used() == 0


async def test_a_cancelled_request_leaves_nothing_set_aside():
    stage = Stage(budgets=[{"name": "b", "per": "run", "tokens": 100}])
    stage.gate = asyncio.Event()
    call = asyncio.create_task(stage.ask())
    while not stage.exchanges or not stage.exchanges[0].attempts:  # noqa: ASYNC110
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert await stage.used() == 0


# ---- prices that nobody knows


async def test_an_unknown_price_is_counted_and_said(caplog):
    stage = Stage(prices={}, budgets=[{"name": "b", "per": "run", "usd": 1}])
    await stage.ask()
    await stage.ask()
    assert (await stage.used(), await stage.used("{aigw-budget}:unpriced:b:run-1")) == (0, 2)
    assert stage.exchanges[0].labels.remarks["ai-budget"] == "price unknown"
    assert [record.getMessage() for record in caplog.records] == [
        "ai-budget: the price of m is not known: no dollars are counted for it"
    ]


async def test_an_unknown_price_is_refused_where_that_is_wanted():
    stage = Stage(prices={}, unknown_price="refuse", budgets=[{"name": "b", "per": "run", "usd": 1}])
    error = await stage.refused()
    assert (error.status, error.code, error.headers["x-should-retry"]) == (402, "price_unknown", "false")
    assert "prices: {'m': {input" in error.message


async def test_only_dollars_need_a_price():
    await Stage(prices={}, unknown_price="refuse").ask()


async def test_a_price_is_waited_for_once_and_then_what_answered_counts():
    asked = []

    async def book(query, at):
        asked.append(tuple(query))
        return Price(steps={"input": [(-1, 1000.0)], "output": [(-1, 2000.0)]})

    answer = {**ANSWER, "model": "m-2026"}
    stage = Stage(answer_json(answer), prices={}, book=book, budgets=[{"name": "b", "per": "run", "usd": 1}])
    await stage.ask()
    await stage.ask()
    assert asked == [("", "m", ""), ("openai", "m-2026", "")]
    assert await stage.used() == 40_000_000


async def test_models_on_ones_own_machine_are_free():
    stage = Stage(prices={}, provider="ollama", budgets=[{"name": "b", "per": "run", "usd": 1}])
    await stage.ask()
    assert (await stage.used(), await stage.used("{aigw-budget}:unpriced:b:run-1")) == (0, 0)


# ---- a store that cannot be used


async def test_without_counters_nothing_is_let_in():
    error = await Stage(stores=Broken()).refused()
    assert (error.status, error.code) == (503, "budget_unavailable")


async def test_without_counters_everything_is_let_in_where_that_is_wanted():
    stage = Stage(stores=Broken(), fail_open=True)
    assert json.loads(await stage.ask()) == ANSWER
    assert stage.exchanges[0].labels.remarks["ai-budget"] == "no budget: the disk is full"


async def test_a_charge_that_is_lost_is_said(caplog):
    stage = Stage(stores=Broken(settles=True))
    assert json.loads(await stage.ask()) == ANSWER
    assert "is not charged: the disk is full" in caplog.text


# ---- circles


def looping(times, last="tool"):
    call = {"id": "1", "function": {"name": "ls", "arguments": '{"a": 1}'}}
    turn = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": "x"}]
    more = [{"role": "user", "content": "other"}] if last == "user" else []
    return {"model": "m", "messages": [{"role": "user", "content": "go"}, *turn * times, *more]}


def repetition(**settings):
    return {"budgets": [], "repetition": settings}


async def test_a_conversation_that_is_a_circle():
    stage = Stage(**repetition(tool_calls=3))
    error = await stage.refused(looping(3))
    assert (error.status, error.kind, error.code) == (403, "repetition_detected", "repeated_tool_call")
    assert error.headers == {"x-should-retry": "false"}
    assert 'ls({"a":1}) was made 3 times' in error.message
    await stage.ask(looping(2))
    await stage.ask(looping(3, last="user"))


async def test_a_session_that_is_a_circle_without_showing_it():
    """A harness that shortens its conversations."""
    stage = Stage(**repetition(tool_calls=3))
    await stage.ask(looping(1), x_aigw_session="s")
    await stage.ask(looping(1), x_aigw_session="other")
    await stage.ask(looping(1), x_aigw_session="s")
    error = await stage.refused(looping(1), x_aigw_session="s")
    assert 'ls({"a":1}) was made 3 times' in error.message


async def test_conversations_that_nobody_can_tell_apart_may_make_the_same_calls():
    stage = Stage(**repetition(tool_calls=3))
    for number in range(6):
        await stage.ask({**looping(1), "seed": number})
    await stage.refused(looping(3))


async def test_parallel_calls_of_one_turn_are_no_circle():
    stage = Stage(**repetition(tool_calls=2))
    call = {"function": {"name": "ls", "arguments": "{}"}}
    turn = [{"role": "assistant", "tool_calls": [call] * 3}, *[{"role": "tool", "content": "x"}] * 3]
    await stage.ask({"model": "m", "messages": [{"role": "user", "content": "go"}, *turn]})


@pytest.mark.parametrize("failure", [Answer(500), Answer(error=UpstreamError(UpstreamFault.RESET, "no"))])
async def test_what_failed_and_is_tried_again_is_no_circle(failure):
    stage = Stage(failure, failure, answer_json(ANSWER), answer_json(ANSWER), **repetition(requests=2))
    for _ in range(2):
        with contextlib.suppress(UpstreamError):
            await stage.ask()
    await stage.ask()
    await stage.refused()


async def test_the_same_request_again_and_again():
    stage = Stage(**repetition(requests=3, window=60))
    await stage.ask()
    await stage.ask()
    await stage.ask({**QUESTION, "seed": 1})
    error = await stage.refused()
    assert (error.status, error.code, error.headers["x-should-retry"]) == (403, "repeated_request", "false")
    assert "came 3 times within 60 s" in error.message
    await stage.ask(consumer="ann")
    stage.clock.now += 61
    await stage.ask()


async def test_what_an_sdk_repeats_is_no_circle():
    stage = Stage(**repetition(requests=2, tool_calls=2))
    await stage.ask()
    await stage.ask(x_stainless_retry_count="1")
    await stage.ask(looping(1))
    await stage.ask(looping(1), x_stainless_retry_count="2")


# ---- configurations


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("budgets: [{name: a}]", "the budget 'a' needs one of usd, tokens and calls"),
        ("budgets: [{name: a, usd: 1, calls: 1}]", "needs one of usd, tokens and calls"),
        ("budgets: [{name: a, usd: -1}]", "budgets[0].usd: must be between 0"),
        ("budgets: [{name: a, usd: 1}, {name: a, calls: 1}]", "there is another budget 'a'"),
        ("budgets: [{name: a, usd: 1, per: week}]", "must be one of consumer, day, month, route, run, session"),
        ("budgets: [{name: 'a b', usd: 1}]", "must look like"),
        ("budgets: [{name: a, usd: 1}]\n    timezone: Mars", "'Mars' is no time zone"),
        ("repetition: {requests: 1}", "1 refuses the first one"),
        ("repetition: {toolCalls: 2}", "unknown key 'toolCalls'; did you mean 'tool_calls'"),
        ("budgets: [{name: a, usd: 1}]\n    redis: {}", "redis.service_name: must not be empty"),
    ],
)
def test_what_is_wrong_is_named(text, finding):
    with pytest.raises(ConfigError) as caught:
        load(None, {}, text=f"plugins:\n  ai-budget:\n    {text}\n".encode())
    assert any(finding in each for each in caught.value.findings), caught.value.findings


def test_a_configuration_that_does_nothing_is_noted():
    assert [problem.note for problem in ai_budget.check(ai_budget.Config())] == [True]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12), st.integers(1, 300))
async def test_it_is_exceeded_by_one_call_at_most(calls, limit):
    """Whatever answers use: calls that come one after another are let in until the limit is reached, and not after."""
    stage = Stage(budgets=[{"name": "b", "per": "run", "tokens": limit}])
    used = 0
    for spent, made in calls:
        usage = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}
        stage.upstream._script = [answer_json({**ANSWER, "usage": usage})]
        if used >= limit:
            await stage.refused()
        else:
            await stage.ask()
            used += spent + made
    assert await stage.used() == used

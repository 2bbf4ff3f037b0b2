"""ai-budget at its seams: what is let in, set aside, charged on every path, and what a refusal says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from fakes import Answer, FailingStores, FakeClock, answer_json, events
from hypothesis import given, settings
from hypothesis import strategies as st
from world import ROUTE, configured, spin, world

from aigw.config.load import load
from aigw.core.errors import ConfigError, GatewayError, UpstreamError, UpstreamFault
from aigw.pricing.prices import Price, PriceOverride, Prices

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "one two"}]}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ANSWER = {
    "model": "m",
    "choices": [{"index": 0, "message": {"content": "yo"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
PRICES = {"m": PriceOverride(input=1000, output=2000)}
"""An answer costs 0.02 dollars."""
FULL = "the disk is full"
RUN = "{aigw-budget}:used:b:run-1"


async def knows_nothing(asked):
    return [None] * len(asked)


PROXY: dict[str, Any] = {"provider": {"type": "openai", "apiTokens": ["sk-o"]}}
OLLAMA = {"provider": {"type": "ollama", "ollamaServerHost": "127.0.0.1", "ollamaServerPort": 11434}}


def stage(*script, prices=PRICES, book=knows_nothing, proxy=PROXY, stores=None, **config):
    """The plugin in front of ai-proxy, with its provider's prices, in the run `run-1`."""
    config.setdefault("budgets", [{"name": "b", "per": "run", "calls": 2}])
    return world(
        {"ai-budget": config, "ai-proxy": proxy},
        *(script or [answer_json(ANSWER)]),
        question=QUESTION,
        clock=FakeClock(1_795_400_000.0),  # 2026-11-23T02:13:20Z
        stores=stores,
        run="run-1",
        prices=Prices(prices, book),
    )


# ---- what is counted


async def test_calls():
    async with stage() as it:
        await it.ask()
        await it.ask()
        error = await it.refused()
        assert (error.status, error.kind, error.code) == (402, "budget_exceeded", "budget_exceeded")
        assert error.headers == {"x-should-retry": "false"}
        assert error.message == (
            "the budget 'b' is used up: 2 calls of 2 calls for run run-1; to raise it: aigw budget raise b 2 --for run=run-1"
        )
        assert it.exchanges[-1].labels.remarks["ai-budget"] == "budget b used up"


async def test_tokens():
    async with stage(budgets=[{"name": "b", "per": "run", "tokens": 30}]) as it:
        await it.ask()
        assert await it.used(RUN) == 15
        await it.ask()
        assert "30 tokens of 30 tokens" in (await it.refused()).message


async def test_dollars():
    async with stage(budgets=[{"name": "b", "per": "run", "usd": 0.03}]) as it:
        await it.ask()
        assert await it.used(RUN) == 20_000_000
        await it.ask()
        assert "$0.04 of $0.03" in (await it.refused()).message


async def test_a_cost_that_the_provider_tells():
    async with stage(
        answer_json({**ANSWER, "usage": {**USAGE, "cost": 0.5}}), budgets=[{"name": "b", "per": "run", "usd": 1}]
    ) as it:
        await it.ask()
        assert await it.used(RUN) == 500_000_000


async def test_a_limit_of_nothing_lets_nothing_in():
    async with stage(budgets=[{"name": "b", "per": "run", "usd": 0}]) as it:
        await it.refused()


async def test_several_budgets_are_charged_together_and_any_of_them_refuses():
    budgets = [{"name": "b", "per": "run", "usd": 1}, {"name": "c", "calls": 1}]
    async with stage(budgets=budgets) as it:
        await it.ask()
        assert "'c' is used up: 1 call of 1 call; to raise it: aigw budget raise c 1" in (await it.refused()).message
        assert (await it.used(RUN), await it.used("{aigw-budget}:used:c:")) == (20_000_000, 1)


@pytest.mark.parametrize(
    ("per", "one", "other", "key"),
    [
        ("run", {"x_aigw_run": "r1"}, {"x_aigw_run": "r2"}, "r1"),
        ("session", {"x_aigw_session": "s1"}, {"x_agent_session": "s2"}, "s1"),
        ("consumer", {"consumer": "ann"}, {}, "ann"),
        ("route", {}, {"route": ROUTE._replace(name="other")}, "test-route"),
        (["consumer", "route"], {"consumer": "a/b"}, {"consumer": "c"}, "a%2Fb/test-route"),
    ],
)
async def test_whose_budget_it_is(per, one, other, key):
    async with stage(budgets=[{"name": "b", "per": per, "calls": 1}]) as it:
        await it.ask(**one)
        await it.ask(**other)
        await it.refused(**one)
        await it.refused(**other)
        assert await it.used(f"{{aigw-budget}}:used:b:{key}") == 1


@pytest.mark.parametrize("name", ["\udcff", "a" * 5000, "a\tb", "{x}:y/z%", "ü"])
async def test_any_name_of_a_clients_is_a_name(name):
    async with stage(budgets=[{"name": "b", "per": "run", "calls": 1}]) as it:
        await it.ask(x_aigw_run=name)
        assert (await it.refused(x_aigw_run=name)).status == 402
        await it.ask(x_aigw_run="another")


@pytest.mark.parametrize(
    ("per", "zone", "anew", "seconds"),
    [
        ("day", "UTC", "2026-11-24T00:00+00:00", 78_400),
        ("day", "Asia/Shanghai", "2026-11-24T00:00+08:00", 49_600),
        ("month", "UTC", "2026-12-01T00:00+00:00", 683_200),
    ],
)
async def test_it_begins_anew(per, zone, anew, seconds):
    async with stage(budgets=[{"name": "b", "per": per, "calls": 1}], timezone=zone) as it:
        await it.ask()
        it.clock.now += seconds - 1
        assert f"it begins anew at {anew}" in (await it.refused()).message
        it.clock.now += 1
        await it.ask()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v1/messages/count_tokens"), ("GET", "/v1/models")]
)
async def test_what_is_free_is_let_in(method, path):
    async with world({"ai-budget": {"budgets": [{"name": "b", "per": "run", "calls": 0}]}}) as it:
        assert await it.status(method=method, path=path) == 200


# ---- set aside and settled


async def test_what_runs_is_set_aside():
    """A burst: others are let in while what they may use together is below the limit."""
    async with stage(budgets=[{"name": "b", "per": "run", "usd": 0.05}]) as it:
        gate = it.gate()
        body = {**QUESTION, "max_tokens": 9}  # 2 and 9 tokens: 0.02 dollars
        calls = [asyncio.create_task(it.ask(body, end=gate)) for _ in range(10)]
        await gate.arrived(3)
        await spin()
        (count,) = await it.counter.read(RUN)
        assert (count.used, count.held) == (0, 60_000_000)
        gate.open()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        refused = [end for end in ends if isinstance(end, GatewayError)]
        assert (len(ends) - len(refused), len(it.upstream.sent)) == (3, 3)
        assert all(
            "is spoken for: $0.00 of $0.05 for run run-1, and $0.06 set aside for calls that are running" in e.message
            for e in refused
        )
        assert await it.used(RUN) == 60_000_000


async def test_a_stream_is_settled_before_its_end():
    pieces = [
        {"choices": [{"index": 0, "delta": {"content": "yo"}, "finish_reason": "stop"}]},
        {"model": "m", "choices": [], "usage": USAGE},
    ]
    async with stage(events(*pieces), budgets=[{"name": "b", "per": "run", "usd": 1}]) as it:
        exchange, reply = await it.send({**QUESTION, "stream": True})
        async for batch in reply:
            if batch[-1].data == b"[DONE]":
                assert await it.used(RUN) == 20_000_000
        await it.close(exchange)
        assert await it.used(RUN) == 20_000_000


async def test_a_client_that_leaves_pays_for_what_came():
    pieces = [{"model": "m", "choices": [{"index": 0, "delta": {"content": "one two three"}}]}]
    async with stage(events(*pieces, *pieces), budgets=[{"name": "b", "per": "run", "usd": 1}]) as it:
        exchange, reply = await it.send({**QUESTION, "stream": True})
        await anext(aiter(reply))
        await it.close(exchange)
        assert await it.used(RUN) >= 2 * 1_000_000 + 3 * 2_000_000


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        (Answer(error=UpstreamError(UpstreamFault.CONNECT, "no")), 1),
        (answer_json({"error": {"message": "no"}}, 500), 1),
    ],
)
async def test_a_call_that_fails_costs_no_money(script, calls):
    budgets = [{"name": "b", "per": "run", "usd": 1}, {"name": "c", "per": "run", "calls": 9}]
    async with stage(script, budgets=budgets) as it:
        try:
            await it.ask()
        except UpstreamError:
            assert script.error is not None
        assert (await it.used(RUN), await it.used("{aigw-budget}:used:c:run-1")) == (0, calls)
        assert await it.used("{aigw-budget}:unpriced:b:run-1") == 0


async def test_an_answer_of_the_gateways_own_costs_nothing():
    async def refuses(exchange):
        raise GatewayError(400, "no")

    budgets = [{"name": "b", "per": "run", "calls": 2}]
    async with world({"ai-budget": {"budgets": budgets}}, run="run-1") as it:
        assert await it.status(end=refuses) == 400
        assert await it.used(RUN) == 0


async def test_a_cancelled_request_leaves_nothing_set_aside():
    async with stage(budgets=[{"name": "b", "per": "run", "tokens": 100}]) as it:
        gate = it.gate()
        call = asyncio.create_task(it.ask(end=gate))
        await gate.arrived(1)
        call.cancel()
        await asyncio.wait([call])
        assert await it.used(RUN) == 0


# ---- prices that nobody knows


async def test_an_unknown_price_is_counted_and_said(caplog):
    async with stage(prices={}, budgets=[{"name": "b", "per": "run", "usd": 1}]) as it:
        await it.ask()
        await it.ask()
        assert (await it.used(RUN), await it.used("{aigw-budget}:unpriced:b:run-1")) == (0, 2)
        assert it.exchanges[0].labels.remarks["ai-budget"] == "price unknown"
        assert [record.getMessage() for record in caplog.records] == [
            "ai-budget: the price of m is not known, so its calls are not counted in dollars"
        ]


async def test_an_unknown_price_is_refused_where_that_is_wanted():
    async with stage(prices={}, unknown_price="refuse", budgets=[{"name": "b", "per": "run", "usd": 1}]) as it:
        error = await it.refused()
        assert (error.status, error.code, error.headers["x-should-retry"]) == (402, "price_unknown", "false")
        assert "prices: {'m': {input" in error.message


MAPPED = {"provider": {"type": "openai", "apiTokens": ["k"], "modelMapping": {"m": "other"}}}
IN_DOLLARS = [{"name": "b", "per": "run", "usd": 1}, {"name": "c", "per": "run", "calls": 9}]


async def test_the_price_of_the_mapped_model_counts():
    known = {"other": PRICES["m"]}
    async with stage(prices=known, unknown_price="refuse", budgets=IN_DOLLARS, proxy=MAPPED) as it:
        await it.ask()


async def test_a_mapped_model_of_unknown_price_is_refused_and_not_charged():
    async with stage(unknown_price="refuse", budgets=IN_DOLLARS, proxy=MAPPED) as it:
        assert "prices: {'other': {input" in (await it.refused()).message
        assert it.upstream.sent == []
        assert (await it.used(RUN), await it.used(RUN.replace(":b:", ":c:"))) == (0, 0)


async def test_only_dollars_need_a_price():
    async with stage(prices={}, unknown_price="refuse") as it:
        await it.ask()


async def test_a_price_is_waited_for_once_and_then_what_answered_counts():
    asked = []

    async def book(wanted):
        ((query, _),) = wanted
        asked.append(tuple(query))
        return [Price(steps={"input": [(-1, 1000.0)], "output": [(-1, 2000.0)]})]

    answer = {**ANSWER, "model": "m-2026"}
    async with stage(answer_json(answer), prices={}, book=book, budgets=[{"name": "b", "per": "run", "usd": 1}]) as it:
        await it.ask()
        await it.ask()
        assert asked == [("", "m", ""), ("openai", "m-2026", "")]
        assert await it.used(RUN) == 40_000_000


async def test_models_on_ones_own_machine_are_free():
    async with stage(prices={}, proxy=OLLAMA, budgets=[{"name": "b", "per": "run", "usd": 1}]) as it:
        await it.ask()
        assert (await it.used(RUN), await it.used("{aigw-budget}:unpriced:b:run-1")) == (0, 0)


# ---- a store that cannot be used


async def test_without_counters_nothing_is_let_in():
    async with stage(stores=FailingStores("hold", "settle", message=FULL)) as it:
        error = await it.refused()
        assert (error.status, error.code) == (503, "budget_unavailable")


async def test_without_counters_everything_is_let_in_where_that_is_wanted():
    async with stage(stores=FailingStores("hold", "settle", message=FULL), fail_open=True) as it:
        assert (await it.ask()).json() == ANSWER
        assert it.exchanges[0].labels.remarks["ai-budget"] == "no budget: the disk is full"


async def test_a_charge_that_is_lost_is_said(caplog):
    async with stage(stores=FailingStores("settle", message=FULL)) as it:
        assert (await it.ask()).json() == ANSWER
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
    async with stage(**repetition(tool_calls=3)) as it:
        error = await it.refused(looping(3))
        assert (error.status, error.kind, error.code) == (403, "repetition_detected", "repeated_tool_call")
        assert error.headers == {"x-should-retry": "false"}
        assert 'ls({"a":1}) was made 3 times' in error.message
        await it.ask(looping(2))
        await it.ask(looping(3, last="user"))


async def test_a_session_that_is_a_circle_without_showing_it():
    """A harness that shortens its conversations."""
    async with stage(**repetition(tool_calls=3)) as it:
        await it.ask(looping(1), x_aigw_session="s")
        await it.ask(looping(1), x_aigw_session="other")
        await it.ask(looping(1), x_aigw_session="s")
        error = await it.refused(looping(1), x_aigw_session="s")
        assert 'ls({"a":1}) was made 3 times' in error.message


async def test_conversations_that_nobody_can_tell_apart_may_make_the_same_calls():
    async with stage(**repetition(tool_calls=3)) as it:
        for number in range(6):
            await it.ask({**looping(1), "seed": number})
        await it.refused(looping(3))


async def test_parallel_calls_of_one_turn_are_no_circle():
    async with stage(**repetition(tool_calls=2)) as it:
        call = {"function": {"name": "ls", "arguments": "{}"}}
        turn = [{"role": "assistant", "tool_calls": [call] * 3}, *[{"role": "tool", "content": "x"}] * 3]
        await it.ask({"model": "m", "messages": [{"role": "user", "content": "go"}, *turn]})


@pytest.mark.parametrize("failure", [Answer(500), Answer(error=UpstreamError(UpstreamFault.RESET, "no"))])
async def test_what_failed_and_is_tried_again_is_no_circle(failure):
    async with stage(failure, failure, answer_json(ANSWER), answer_json(ANSWER), **repetition(requests=2)) as it:
        for _ in range(2):
            with contextlib.suppress(UpstreamError):
                await it.ask()
        await it.ask()
        await it.refused()


async def test_the_same_request_again_and_again():
    async with stage(**repetition(requests=3, window=60)) as it:
        await it.ask()
        await it.ask()
        await it.ask({**QUESTION, "seed": 1})
        error = await it.refused()
        assert (error.status, error.code, error.headers["x-should-retry"]) == (403, "repeated_request", "false")
        assert "came 3 times within 60 s" in error.message
        await it.ask(consumer="ann")
        it.clock.now += 61
        await it.ask()


async def test_what_an_sdk_repeats_is_no_circle():
    async with stage(**repetition(requests=2, tool_calls=2)) as it:
        await it.ask()
        await it.ask(x_stainless_retry_count="1")
        await it.ask(looping(1))
        await it.ask(looping(1), x_stainless_retry_count="2")


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
        ("budgets: [{name: a, usd: 1}]\n    timezone: Mars", "'Mars' is not a time zone"),
        ("repetition: {requests: 1}", "1 would refuse even the first one"),
        ("repetition: {toolCalls: 2}", "unknown key 'toolCalls'; did you mean 'tool_calls'"),
        ("budgets: [{name: a, usd: 1}]\n    redis: {}", "redis.service_name: must not be empty"),
    ],
)
def test_what_is_wrong_is_named(text, finding):
    with pytest.raises(ConfigError) as caught:
        load(None, {}, text=f"plugins:\n  ai-budget:\n    {text}\n".encode())
    assert any(finding in each for each in caught.value.findings), caught.value.findings


def test_a_configuration_that_does_nothing_is_noted():
    (note,) = configured({"ai-budget": {}}).notes
    assert "plugins.ai-budget" in note


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12), st.integers(1, 300))
async def test_it_is_exceeded_by_one_call_at_most(calls, limit):
    """Whatever answers use: calls that come one after another are let in until the limit is reached, and not after."""
    async with stage(budgets=[{"name": "b", "per": "run", "tokens": limit}]) as it:
        used = 0
        for spent, made in calls:
            usage = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}
            it.upstream.follow(answer_json({**ANSWER, "usage": usage}))
            if used >= limit:
                await it.refused()
            else:
                await it.ask()
                used += spent + made
        assert await it.used(RUN) == used

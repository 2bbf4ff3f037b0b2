"""What a chain with a Tracer keeps of a request: every turn, its requests, answers, errors and times."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
from fakes import FakeClock, FakeUpstream, about, chat, make_env, make_exchange

from aigw.config.load import load
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Route, Target
from aigw.pipeline.pipeline import Pipeline
from aigw.trace.tracer import MAX_VISITS, Tracer


class Config(msgspec.Struct):
    text: str = ""


NAMES = ("key-auth", "ai-cache", "ai-proxy")
TEXT = "plugins: {key-auth: {text: a}, ai-cache: {text: c}, ai-proxy: {text: p}}"


async def passes(exchange, call_next):
    return await call_next(exchange)


class Traced:
    """A pipeline of plugins by name; the others pass on. `terminal` answers."""

    def __init__(self, plugins, terminal=None, text=TEXT):
        self.clock = FakeClock()
        self.traces = []
        self._plugins = plugins
        self._terminal = terminal or self._answer
        self._text = text
        self.seen = {}

    async def _answer(self, exchange):
        self.clock.now += 5
        return exchange.reply(b"end", headers={"a": "1"})

    def _about(self, name):
        @asynccontextmanager
        async def build(config, env):
            self.seen[name] = self._plugins.get(name, passes)
            yield self.seen[name]

        return about(build, Config, like=name)

    async def run(self, request=None, route="r", host="h", tracing=True):
        abouts = {name: self._about(name) for name in NAMES}
        loaded = load(None, {}, abouts.get, text=self._text.encode())
        tracer = Tracer(self.clock, self.traces.append, {"secret-value"}) if tracing else None
        async with AsyncExitStack() as stack:
            pipeline = Pipeline(list(loaded.plugins.values()), self._terminal, tracer)
            await pipeline.open(make_env(FakeUpstream()), stack)
            exchange = make_exchange(request or chat({"model": "m"}))
            exchange.target = Target(Origin("http", "up", 80), "up")
            try:
                reply = await pipeline.chain(Route(route), host).call(exchange)
                self.body = await reply.body()
            finally:
                await exchange.aclose()
                await exchange.settled()
        self.exchange = exchange
        return self.traces[0] if self.traces else None


def names(trace):
    return [turn.applied.name if turn.applied else "-" for turn in trace.visits]


async def test_without_a_tracer_nothing_is_kept():
    traced = Traced({})
    assert await traced.run(tracing=False) is None
    assert traced.exchange.trace is None
    assert traced.body == b"end"


async def test_turns_times_and_requests():
    clock = None

    async def proxy(exchange, call_next):
        clock.now += 2
        exchange.request.document.set("model", "other")
        exchange.request.headers["authorization"] = "Bearer x"
        reply = await call_next(exchange)
        clock.now += 3
        reply.headers["a"] = "2"
        return reply

    traced = Traced({"ai-proxy": proxy})
    clock = traced.clock
    trace = await traced.run()
    assert names(trace) == ["key-auth", "ai-cache", "ai-proxy", "-"]
    auth, _, proxy_turn, end = trace.visits
    assert (auth.passed_at - auth.began, auth.ended - auth.returned_at) == (0, 0)
    assert (proxy_turn.passed_at - proxy_turn.began, proxy_turn.ended - proxy_turn.returned_at) == (2, 3)
    assert (end.origin, end.ended - end.began) == ("http://up:80", 5)
    for request in (proxy_turn.entered, proxy_turn.passed):
        request.seal()
    assert proxy_turn.entered.body == b'{"model": "m"}'
    assert proxy_turn.passed.body == b'{"model":"other"}'
    assert "authorization" not in proxy_turn.entered.headers
    assert (proxy_turn.got.headers["a"], proxy_turn.gave.headers["a"]) == ("1", "2")
    assert (trace.status, trace.outcome, trace.error) == (200, "complete", "")
    assert trace.secrets == {"secret-value"}


async def test_recording_changes_nothing_about_the_request():
    """A plugin that edits the document after reading the body must see the same with and without."""
    bodies = []

    async def proxy(exchange, call_next):
        bodies.append(exchange.request.body)
        exchange.request.document.set("late", 1)
        return await call_next(exchange)

    async def cache(exchange, call_next):
        exchange.request.document.set("early", 1)
        return await call_next(exchange)

    for tracing in (True, False):
        await Traced({"ai-proxy": proxy, "ai-cache": cache}).run(tracing=tracing)
    assert bodies == [b'{"model": "m"}'] * 2


async def test_a_plugin_that_answers_itself():
    async def cache(exchange, call_next):
        return exchange.reply(b"kept", status=203)

    trace = await Traced({"ai-cache": cache}).run()
    assert names(trace) == ["key-auth", "ai-cache"]
    assert trace.visits[1].passed is None
    assert trace.visits[1].gave.status == trace.status == 203


async def test_retries_are_turns():
    clock = None

    async def proxy(exchange, call_next):
        source = exchange.request
        for number in range(3):
            exchange.request = source.copy()
            exchange.request.headers["try"] = str(number)
            exchange.attempts.append(f"provider{number}")
            reply = await call_next(exchange)
            clock.now += 1
        return reply

    traced = Traced({"ai-proxy": proxy})
    clock = traced.clock
    trace = await traced.run()
    assert names(trace) == ["key-auth", "ai-cache", "ai-proxy", "-", "ai-proxy", "-", "ai-proxy", "-"]
    tries = [turn for turn in trace.visits if turn.applied and turn.applied.name == "ai-proxy"]
    assert [turn.again for turn in tries] == [0, 2, 3]
    assert [turn.passed.headers["try"] for turn in tries] == ["0", "1", "2"]
    assert all("try" not in turn.entered.headers for turn in tries)
    assert [turn.passed_at - turn.began for turn in tries] == [0, 1, 1]
    assert [turn.provider for turn in trace.visits if not turn.applied] == ["provider0", "provider1", "provider2"]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (GatewayError(429, "too many"), 429, "429 too many"),
        (UpstreamError(UpstreamFault.CONNECT, "refused"), 502, "502 refused"),
        (KeyError("sk-secret"), 500, "KeyError"),
        (asyncio.CancelledError(), 499, "cancelled: the client left"),
    ],
)
async def test_errors_stand_where_they_were_raised(error, status, said):
    async def cache(exchange, call_next):
        raise error

    traced = Traced({"ai-cache": cache})
    with pytest.raises(type(error)):
        await traced.run()
    (trace,) = traced.traces
    assert [turn.error for turn in trace.visits] == ["", said]
    assert (trace.status, trace.error) == (status, said)


async def test_an_error_that_a_plugin_puts_in_place_of_another():
    async def terminal(exchange):
        raise UpstreamError(UpstreamFault.RESET, "gone")

    async def proxy(exchange, call_next):
        try:
            return await call_next(exchange)
        except UpstreamError:
            raise GatewayError(503, "nobody is there") from None

    traced = Traced({"ai-proxy": proxy}, terminal)
    with pytest.raises(GatewayError):
        await traced.run()
    assert [turn.error for turn in traced.traces[0].visits] == ["", "", "503 nobody is there", "502 gone"]


async def test_rewriters_and_other_replies_are_told():
    async def stage(batches):
        async for batch in batches:
            yield batch

    async def cache(exchange, call_next):
        return (await call_next(exchange)).through(stage)

    async def auth(exchange, call_next):
        await call_next(exchange)
        return exchange.reply(b"other")

    trace = await Traced({"ai-cache": cache, "key-auth": auth}).run()
    first, second, third, _ = trace.visits
    assert first.got.reply != first.gave.reply
    assert (second.gave.rewriters - second.got.rewriters, third.gave.rewriters) == (1, 0)
    assert second.got.reply == second.gave.reply


async def test_many_turns_are_only_counted():
    async def proxy(exchange, call_next):
        for _ in range(MAX_VISITS):
            reply = await call_next(exchange)
        return reply

    trace = await Traced({"ai-proxy": proxy}).run()
    assert (len(trace.visits), trace.left_out) == (MAX_VISITS, 2 + 2 * MAX_VISITS - MAX_VISITS)


async def test_which_configuration_applied():
    text = """
plugins:
  key-auth: {text: g}
  ai-cache: {_rules_: [{_match_route_: [x], text: x}, {_match_domain_: ["*.corp"], text: c}]}
  ai-proxy: {text: g}
routes: [{name: own, match: {path: /a}, plugins: {ai-proxy: {text: o}}}]
"""
    trace = await Traced({}, text=text).run(route="own", host="a.corp")
    assert [turn.applied.why for turn in trace.visits[:3]] == [
        {"config": "global"},
        {"config": "rule", "index": 1, "match": {"_match_domain_": ["*.corp"]}},
        {"config": "route"},
    ]
    trace = await Traced({}, text=text).run(route="own", host="elsewhere")
    assert (names(trace), trace.absent) == (["key-auth", "ai-proxy", "-"], ["ai-cache"])

"""ai-token-ratelimit at its seams: sequence, bursts, what clients are told, stores that fail.

What Higress did with a whole configuration is played by tests/conformance; the rules are tests/limits'."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, chat, events, make_env, make_exchange, terminal

from aigw.config.load import load
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Route, Target
from aigw.core.stores import Service, StoreError
from aigw.plugins.ai_token_ratelimit import plugin as ai_token_ratelimit
from aigw.plugins.ai_token_ratelimit.headers import duration
from aigw.stores.memory import MemoryCounter

ROUTE = Route("test", "", Target(Origin("http", "127.0.0.1", 1), ""))
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
COMPLETION = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yo"}}], "usage": USAGE}
STREAM = events({"choices": [{"index": 0, "delta": {"content": "yo"}}]}, {"choices": [], "usage": USAGE})
ARTICLE = {
    "rule_name": "default_limit_by_param_apikey",
    "rule_items": [
        {"limit_by_per_ip": "from-remote-addr", "limit_keys": [{"key": "0.0.0.0/0", "token_per_minute": 100}]}
    ],
    "redis": {"service_name": "redis.static", "service_port": 6379, "username": "default", "password": "123456"},
    "rejected_code": 429,
    "rejected_msg": '{"code":-1,"msg":"Too many requests"}',
}
KEY = "higress-token-ratelimit:{default_limit_by_param_apikey}:limit_by_per_ip:60:from-remote-addr:127.0.0.1"
SERVICE = Service("redis.static", 6379)
HOUR = {"rule_name": "r", "global_threshold": {"token_per_hour": 100}, "redis": {"service_name": "redis.static"}}


class Stage:
    def __init__(self, plugin, env, upstream):
        self.plugin = plugin
        self.env = env
        self.next = terminal(upstream)

    @property
    def counter(self):
        return self.env.stores.counter(SERVICE)

    @asynccontextmanager
    async def asked(self, body=QUESTION, call_next=None):
        """A request and its reply, closed as the edge closes it."""
        exchange = make_exchange(chat(body), route=ROUTE)
        self.exchange = exchange
        try:
            yield await self.plugin(exchange, call_next or self.next)
        finally:
            await exchange.aclose()
            await exchange.settled()

    async def ask(self, body=QUESTION, call_next=None):
        """The status and the body, those of a refusal in the caller's shape, too."""
        try:
            async with self.asked(body, call_next) as reply:
                return reply.status, await reply.body(), reply.headers
        except GatewayError as error:
            return error.status, error.message, error.headers


@asynccontextmanager
async def stage(config=ARTICLE, *script, fidelity="safe", clock=None, counter=None):
    upstream = FakeUpstream(*script or (answer_json(COMPLETION),))
    env = make_env(upstream, fidelity=fidelity, clock=clock)
    if counter is not None:
        env = replace(env, stores=Only(counter))
    loaded = load(None, {}, text=json.dumps({"plugins": {"ai-token-ratelimit": config}}).encode())
    async with ai_token_ratelimit.build(loaded.plugins["ai-token-ratelimit"].rules.configs[-1], env) as plugin:
        yield Stage(plugin, env, upstream)


class Only:
    """Stores with one counter."""

    def __init__(self, counter):
        self._counter = counter

    def counter(self, service=None):
        return self._counter


class Broken(MemoryCounter):
    """A counter that fails where it is told to."""

    def __init__(self, *failing):
        super().__init__()
        self._failing = failing

    async def hold(self, limits, *, lease=900.0):
        if "hold" in self._failing:
            raise StoreError("redis.static is down")
        return await super().hold(limits, lease=lease)

    async def settle(self, ticket, charges, *, within=False):
        if "settle" in self._failing:
            raise StoreError("redis.static is down")
        return await super().settle(ticket, charges, within=within)


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
@pytest.mark.parametrize("answer", [answer_json(COMPLETION), STREAM], ids=["plain", "stream"])
async def test_the_articles_example_refuses_the_fourth_call(fidelity, answer):
    clock = FakeClock()
    async with stage(ARTICLE, answer, fidelity=fidelity, clock=clock) as it:
        for _ in range(3):
            assert (await it.ask())[0] == 200
            clock.now += 1
        status, body, headers = await it.ask()
        assert (status, headers["X-TokenRateLimit-Reset"]) == (429, "57")
        if fidelity == "higress":
            assert body == b'{"code":-1,"msg":"Too many requests"}'
        assert it.exchange.labels.ai_log == {"token_ratelimit_status": "limited"}
        assert it.exchange.labels.remarks["ai-token-ratelimit"] == "token_ratelimit_status=limited"
        clock.now += 57
        assert (await it.ask())[0] == 200
        assert (await it.counter.read(KEY))[0][:2] == (46, 0)


async def test_a_stream_that_was_read_to_its_last_event_is_counted_for_the_next_request():
    async with stage(ARTICLE, STREAM) as it:
        for _ in range(3):
            async with it.asked() as reply:
                async for batch in reply:
                    if batch[-1].data == b"[DONE]":
                        break
                (count,) = await it.counter.read(KEY)
                assert count.used % 46 == 0
                assert count.held == 0
        assert (await it.ask())[0] == 429


async def test_what_is_left_stands_on_every_answer():
    async with stage(ARTICLE) as it:
        _, _, headers = await it.ask()
        assert headers["x-ratelimit-limit-tokens"] == "100"
        assert headers["x-ratelimit-remaining-tokens"] == "54"
        assert headers["x-ratelimit-reset-tokens"] == "1m0s"
        await it.ask()
        assert (await it.ask())[2]["x-ratelimit-remaining-tokens"] == "0"


async def test_a_stream_says_what_is_left_beside_what_is_held_for_it():
    async with stage(ARTICLE, STREAM) as it:
        _, _, headers = await it.ask({**QUESTION, "max_tokens": 9})
        assert headers["x-ratelimit-remaining-tokens"] == str(100 - 1 - 9)


async def test_the_providers_own_limit_is_told_where_it_is_tighter():
    theirs = {"content-type": "application/json", "x-ratelimit-remaining-tokens": "7"}
    async with stage(ARTICLE, Answer(headers=theirs, pieces=[json.dumps(COMPLETION).encode()])) as it:
        assert (await it.ask())[2]["x-ratelimit-remaining-tokens"] == "7"
    async with stage(ARTICLE, fidelity="higress") as it:
        assert "x-ratelimit-remaining-tokens" not in (await it.ask())[2]


async def test_a_refusal_says_when_to_come_back():
    async with stage(HOUR) as it:
        for _ in range(3):
            await it.ask()
        status, message, headers = await it.ask()
    assert (status, message) == (429, "Too many requests: the limit is 100 tokens per hour; try again in 3600 s")
    assert headers == {
        "X-TokenRateLimit-Reset": "3600",
        "Retry-After": "3600",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1h0m0s",
        "x-should-retry": "false",
    }


class Burst:
    """A terminal at which every request waits until it may go on."""

    def __init__(self, call_next):
        self._next = call_next
        self.go = asyncio.Event()
        self.inside = 0

    async def __call__(self, exchange):
        self.inside += 1
        await self.go.wait()
        return await self._next(exchange)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0101, "11ms"), (1, "1s"), (59.2, "1m0s"), (61, "1m1s"), (3600, "1h0m0s"), (86399.5, "24h0m0s")],
)
def test_durations_are_as_openai_writes_them(seconds, text):
    assert duration(seconds) == text


async def test_a_refusal_for_what_others_hold_is_short():
    async with stage(ARTICLE) as it:
        gate = Burst(it.next)
        first = asyncio.create_task(it.ask(call_next=gate))
        while not gate.inside:  # noqa: ASYNC110
            await asyncio.sleep(0)
        status, _, headers = await it.ask()
        assert (status, headers["Retry-After"], "x-should-retry" in headers) == (429, "1", False)
        gate.go.set()
        assert (await first)[0] == 200


async def burst(it, number, body):
    """The statuses of requests that are all under way at the same time."""
    gate = Burst(it.next)
    tasks = [asyncio.create_task(it.ask(body, gate)) for _ in range(number)]
    for _ in range(20):
        await asyncio.sleep(0)
    gate.go.set()
    return [status for status, _, _ in await asyncio.gather(*tasks)]


@pytest.mark.parametrize("answer", [answer_json(COMPLETION), STREAM], ids=["plain", "stream"])
async def test_a_burst_overshoots_by_one_estimate_at_most(answer):
    body = {**QUESTION, "max_tokens": 45}  # with its one word an estimate of 46, which is what it takes
    async with stage(ARTICLE, answer) as it:
        statuses = await burst(it, 32, body)
        assert (statuses.count(200), statuses.count(429)) == (3, 29)
        (count,) = await it.counter.read(KEY)
        assert (count.used, count.held) == (138, 0)


async def test_a_burst_without_max_tokens_does_not_pass_either():
    async with stage(ARTICLE) as it:
        assert (await burst(it, 32, QUESTION)).count(200) == 1
        (count,) = await it.counter.read(KEY)
        assert (count.used, count.held) == (46, 0)


async def test_higress_lets_a_burst_pass():
    async with stage(ARTICLE, fidelity="higress") as it:
        assert (await burst(it, 32, QUESTION)).count(200) == 32
        (count,) = await it.counter.read(KEY)
        assert count.used == 138  # later ones are charged only while the limit holds


async def test_a_failure_leaves_nothing_held():
    broken = Answer(error=UpstreamError(UpstreamFault.RESET, "broke"))
    async with stage(ARTICLE, broken, answer_json(COMPLETION)) as it:
        with pytest.raises(UpstreamError):
            await it.ask()
        assert (await it.counter.read(KEY))[0][:2] == (0, 0)
        assert (await it.ask())[0] == 200


async def test_the_client_that_leaves_a_stream_is_charged_what_was_made():
    async with stage(ARTICLE, STREAM) as it:
        async with it.asked() as reply:
            await anext(aiter(reply))
        (count,) = await it.counter.read(KEY)
        assert (count.used, count.held) == (1 + 1, 0)


async def test_without_counters_requests_pass():
    async with stage(ARTICLE, counter=Broken("hold")) as it:
        assert (await it.ask())[0] == 200
        assert it.exchange.labels.remarks["ai-token-ratelimit"] == "not limited: redis.static is down"


async def test_without_counters_requests_are_refused_where_that_is_wanted():
    async with stage({**ARTICLE, "fail_closed": True}, counter=Broken("hold")) as it:
        assert (await it.ask())[0] == 503


async def test_an_answer_that_cannot_be_charged_is_given():
    async with stage(ARTICLE, counter=Broken("settle")) as it:
        assert (await it.ask())[0] == 200
        assert it.exchange.labels.remarks["ai-token-ratelimit"] == "not charged: redis.static is down"


async def test_nothing_is_asked_for_a_request_that_no_rule_is_about():
    config = {**ARTICLE, "rule_items": [{"limit_by_header": "x", "limit_keys": [{"key": "y", "token_per_day": 1}]}]}
    async with stage(config, counter=Broken("hold", "settle")) as it:
        status, _, headers = await it.ask()
        assert status == 200
        assert "x-ratelimit-limit-tokens" not in headers

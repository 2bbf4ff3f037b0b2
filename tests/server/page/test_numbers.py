"""The figures of a time are read once for all who ask, and limits say what is left and how to have more."""

import asyncio
import json
from dataclasses import replace as changed
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fakes import FakeUpstream, make_env
from msgspec.structs import replace
from usage_rows import FULL

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.config.load import load
from aigw.core.errors import GatewayError
from aigw.core.stores import LOCAL, Limit, Service, StoreError
from aigw.server.page.numbers import SPANS, Numbers, limits
from aigw.server.page.views import Inside

NOW = 1_796_000_000.0
REDIS = {"service_name": "redis.static", "service_port": 80}
PLUGINS = {
    "key-auth": {
        "consumers": [{"name": "ann", "credential": "k"}, {"name": "admin", "credential": "a"}],
        "keys": ["x-k"],
    },
    "ai-budget": {"budgets": [{"name": "daily", "per": ["consumer", "day"], "usd": 5}, {"name": "all", "calls": 10}]},
    "ai-quota": {"admin_consumer": "admin", "redis": REDIS},
    "ai-token-ratelimit": {
        "rule_name": "r",
        "global_threshold": {"token_per_day": 1000},
        "rule_items": [{"limit_by_per_consumer": "", "limit_keys": [{"key": "*", "token_per_minute": 100}]}],
        "redis": REDIS,
    },
    "ai-proxy": {"provider": {"type": "builtin"}},
}
REDIS_SERVICE = Service("redis.static", 80)


@pytest.fixture
def usage(tmp_path):
    log = SqliteUsageLog(tmp_path / "usage.sqlite", interval=0)
    log._insert(log._connect(), [replace(FULL, id=f"r{n}", at=NOW - n * 600) for n in range(10)])
    yield log
    log._disconnect()


@pytest.mark.parametrize("since", SPANS)
async def test_each_span(usage, since):
    numbers = Numbers(usage)
    told = await numbers.of(since, NOW)
    assert told["since"] < NOW < told["until"] <= NOW + told["step"]
    assert len(told["series"]) == SPANS[since].steps <= 120
    assert (
        told["totals"]["requests"] == sum(each["requests"] for each in told["series"]) == (6 if since == "1h" else 10)
    )
    json.dumps(told)


async def test_another_span(usage):
    with pytest.raises(GatewayError, match="one of 1h, 24h, 7d, 30d"):
        await Numbers(usage).of("1y", NOW)


async def test_without_usage_there_are_no_requests():
    told = await Numbers(None).of("1h", NOW)
    assert told["totals"]["requests"] == 0
    assert len(told["series"]) == 60


async def test_those_who_ask_at_once_get_one_answer(usage):
    numbers = Numbers(usage)
    one, other = await asyncio.gather(numbers.of("1h", NOW), numbers.of("1h", NOW))
    assert one is other
    assert await numbers.of("1h", NOW + 1) is one
    assert await numbers.of("1h", NOW + 60) is not one


async def test_one_who_leaves_does_not_take_the_answer_from_others(usage):
    numbers = Numbers(usage)
    leaving = asyncio.ensure_future(numbers.of("1h", NOW))
    staying = asyncio.ensure_future(numbers.of("1h", NOW))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying)["totals"]["requests"] == 6
    await numbers.aclose()


def inside(plugins=PLUGINS):
    text = json.dumps({"plugins": plugins}).encode()
    loaded = load(None, {}, text=text)
    env = make_env(FakeUpstream(), services=loaded.services, options="--recipe x")
    return Inside(loaded, env, None, None, "http://h:1")


async def spent(counter, key, amount, window=0):
    limit = Limit(key, 10**15, window, 0)
    await counter.settle(await counter.hold([limit]), [amount])


async def test_what_is_left_and_how_to_have_more():
    seen = inside()
    stores = seen.env.stores
    day = datetime.fromtimestamp(seen.env.clock.time(), UTC).date()
    await spent(stores.counter(LOCAL), f"{{aigw-budget}}:used:daily:ann/{day}", 1_250_000_000)
    await stores.counter(REDIS_SERVICE).put("chat_quota:ann", 77)
    await spent(
        stores.counter(REDIS_SERVICE), "higress-token-ratelimit:{r}:limit_by_per_consumer:60:x-mse-consumer:ann", 40, 60
    )
    told = {(each["what"], each["scope"]): each for each in await limits(seen)}
    found = {name: (each["limit"], each["used"], each["left"], each["unit"]) for name, each in told.items()}
    (daily,) = [name for name in found if name[0] == "budget" and "ann" in name[1]]
    assert found == {
        daily: (5.0, 1.25, 3.75, "usd"),
        ("budget", ""): (10, 0, 10, "calls"),
        ("quota", "consumer ann"): (None, None, 77, "tokens"),
        ("limit", "per day"): (1000, 0, 1000, "tokens"),
        ("limit", "consumer ann, per minute"): (100, 40, 60, "tokens"),
    }
    assert told[daily]["command"].startswith("aigw budget raise daily 5")
    assert told[daily]["command"].endswith("--recipe x")
    assert told["quota", "consumer ann"]["command"].startswith("curl http://h:1/v1/chat/completions/quota/delta ")
    assert told["limit", "consumer ann, per minute"]["resets_at"] == seen.env.clock.time() + 60


async def test_what_cannot_be_read_is_said():
    async def fails(*keys):
        raise StoreError("redis.static is down")

    seen = inside({"ai-quota": PLUGINS["ai-quota"], "key-auth": PLUGINS["key-auth"], "ai-proxy": PLUGINS["ai-proxy"]})

    async def keys(prefix=""):
        raise StoreError("redis.static is down")
        yield ""

    stores = SimpleNamespace(counter=lambda service: SimpleNamespace(keys=keys, read=fails))
    (told,) = await limits(seen._replace(env=changed(seen.env, stores=stores)))
    assert told["fault"] == "redis.static is down"

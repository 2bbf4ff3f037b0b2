"""The player's Redis: it must see what is wrong, and let in only whom the case names."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from player.local_store import LocalStore, StillClock
from player.mismatch import Mismatch
from player.shared_redis import SharedRedis
from player.store import Store, open_store
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError

from aigw.config.model import CacheConfig
from aigw.core.stores import Limit, Service
from aigw.server.stores import LocalStores

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = 0.05
KEY = 'k:{} "\n\xe9'
CALLS = [
    "get | " + KEY.format("10.1.2.3"),
    f"set | {KEY.format('10.1.2.3')} | v w | ex | 60",
    "eval | <check-script> | 1 | n | 7 | 60",
]
CONTENTS = {KEY.format("10.1.2.3"): "v w (ttl 60)", "n": "7 (ttl -1)"}
SERVICE = {"service": "redis.static", "port": 80, "timeout_ms": 1000}


def case_of(*expect: dict[str, Any], redis: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    config = {"redis": {"service_name": "redis.static"} | (redis or {})}
    steps = [{"request": {"path": "/"}, "expect": each} for each in expect]
    return {"id": "x", "plugin": "p", "config": config, "steps": steps, **more}


def client_of(store: Store, **settings: Any) -> Redis:
    """One that does not try again."""
    port = urlsplit(next(iter(store.services.values()))).port
    return Redis(port=port, retry=Retry(NoBackoff(), 0), **settings)


async def use(client: Redis) -> None:
    key = KEY.format("127.0.0.1")
    await client.get(key)
    await client.set(key, "v w", ex=60)
    await client.eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, "n", "7")


async def test_contents_and_time(redis: SharedRedis) -> None:
    async with open_store(case_of(), redis) as store, client_of(store) as client:
        await store.begin({})
        await use(client)
        await store.check({"store_after": CONTENTS})
        for wrong in ({}, CONTENTS | {"n": "8"}, CONTENTS | {"n": "7 (ttl 60)"}, CONTENTS | {"m": "7"}):
            with pytest.raises(Mismatch, match="store_after"):
                await store.check({"store_after": wrong}, SOON)
        await store.begin({"advance_s": 59})
        await store.check({"store_after": CONTENTS | {KEY.format("10.1.2.3"): "v w (ttl 1)"}})
        await store.begin({"advance_s": 1})
        await store.check({"store_after": {"n": "7"}})
        await store.check_end()
        await client.set("late", "1")
        with pytest.raises(Mismatch, match="late"):
            await store.check_end()


async def test_calls(redis: SharedRedis) -> None:
    async with open_store(case_of(), redis) as store, client_of(store) as client:
        await store.begin({})
        await use(client)
        right = [CALLS[0], CALLS[1], "eval | <check-script> | 1 | n | 7"]
        await store.check({"redis_calls": right})
        for wrong in ([], right[:2], [right[1], right[0], right[2]], [*right[:2], "eval | <check-script> | 1 | n | 8"]):
            with pytest.raises(Mismatch, match="redis_calls"):
                await store.check({"redis_calls": wrong}, SOON)
        await store.begin({})
        await store.check({"redis_calls": []})


async def test_only_the_user_of_the_case_comes_in_and_to_its_database(redis: SharedRedis) -> None:
    expected = {**SERVICE, "username": "u", "password": "p", "db": 3}
    case = case_of(redis={"username": "u", "password": "p", "database": 3}, redis_client=expected)
    async with open_store(case, redis) as store:
        assert list(store.services) == ["redis.static:80"]
        for settings in ({}, {"username": "u", "password": "q"}):
            async with client_of(store, **settings) as stranger:
                with pytest.raises(AuthenticationError):
                    await stranger.get("k")
        with pytest.raises(Mismatch, match="nobody came in"):
            store.check_client(expected)
        for database in (3, 2):
            async with client_of(store, username="u", password="p", db=database) as client:
                await store.begin({})
                await client.get("k")
                await store.check({"redis_calls": ["get | k"]})
            if database == 3:
                store.check_client(expected)
    with pytest.raises(Mismatch, match="databases"):
        store.check_client(expected)


async def test_each_case_finds_the_server_empty(redis: SharedRedis) -> None:
    """Data, scripts, users and connections of the case before are gone, also if that has killed the server."""
    case = case_of(redis={"username": "u", "password": "p"})
    async with open_store(case, redis) as store, client_of(store, username="u", password="p") as left:
        await store.begin({})
        script = await left.script_load("return 1")
        await left.set("k", "v")
        async with open_store(case_of(), redis) as store, client_of(store) as client:
            with pytest.raises(ConnectionError):
                await left.get("k")
            await store.begin({})
            await store.check({"store_after": {}, "redis_calls": []})
            assert await client.script_exists(script) == [False]
            with pytest.raises(AuthenticationError):
                await client_of(store, username="u", password="p").get("k")
            await client.set("k", "v")
            await store.begin({"redis_down": True})
    async with open_store(case_of(), redis) as store:
        await store.begin({})
        await store.check({"store_after": {}, "redis_calls": []})


async def test_what_was_there_before(redis: SharedRedis, tmp_path: Path) -> None:
    before = {KEY.format("10.1.2.3"): "v w (ttl 60)", "n": 7, "j": {"a": [1]}, "for ever": "x (ttl -1)"}
    after = {KEY.format("10.1.2.3"): "v w (ttl 60)", "n": "7 (ttl -1)", "j": '{"a": [1]} (ttl -1)', "for ever": "x"}
    async with open_store(case_of(), redis) as store:
        await store.put(before)
        await store.begin({})
        await store.check({"store_after": after, "redis_calls": []})
        with pytest.raises(Mismatch, match="store_after"):
            await store.check({"store_after": after | {"n": "8"}}, SOON)
    async with open_store(case_of(redis_down=True), redis) as store:
        with pytest.raises(Mismatch, match="there is no Redis"):
            await store.put(before)
    case = {**case_of({"redis_calls": []}), "plugin": "ai-cache"}
    local = LocalStore(case, tmp_path)
    await local.put(before)
    await local.check({"store_after": after})
    with pytest.raises(Mismatch, match="store_after"):
        await local.check({"store_after": after | {"n": "8"}}, SOON)


async def test_what_the_stand_in_counted_before(tmp_path: Path) -> None:
    case = {**case_of({"redis_calls": []}), "plugin": "ai-token-ratelimit"}
    local = LocalStore(case, tmp_path, StillClock(tmp_path / "clock"))
    await local.put({"k:10.1.2.3": "7 (ttl 60)", "quota": 100})
    right = {"k:127.0.0.1": "7 (ttl 60)", "quota": "100"}
    await local.check({"store_after": right})
    for wrong in (right | {"quota": "99"}, right | {"k:127.0.0.1": "7 (ttl 30)"}, {"quota": "100"}):
        with pytest.raises(Mismatch, match="store_after"):
            await local.check({"store_after": wrong}, SOON)
    await local.begin({"advance_s": 60})
    await local.check({"store_after": {"quota": "100"}})


async def test_a_clock_that_cannot_be_moved(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="advance_s"):
        await LocalStore(case_of({"redis_calls": []}), tmp_path).begin({"advance_s": 1})


async def test_down(redis: SharedRedis) -> None:
    async with open_store(case_of(redis_down=True), redis) as store, client_of(store) as client:
        await store.begin({})
        with pytest.raises(ConnectionError):
            await client.get("k")
        with pytest.raises(Mismatch, match="there is no Redis"):
            await store.check({"store_after": {}})
    async with open_store(case_of(), redis) as store, client_of(store, socket_timeout=5) as client:
        await store.begin({})
        await client.get("k")
        await store.begin({"redis_down": True})
        with pytest.raises(ConnectionError):
            await client.get("k")


async def test_the_stand_in(tmp_path: Path) -> None:
    """What another process keeps in the state folder is seen, and what is left of it as time goes on."""
    case = {**case_of({"redis_calls": []}, redis={"database": 2}), "plugin": "ai-quota"}
    store, service = LocalStore(case, tmp_path, StillClock(tmp_path / "clock")), Service("redis.static", 80, database=2)
    stores = LocalStores(tmp_path / ".aigw", CacheConfig())
    await store.begin({})
    counter = stores.counter(service)
    await counter.settle(await counter.hold([Limit("k:127.0.0.1", 100, 60)]), [7])
    await store.check({"store_after": {"k:10.1.2.3": "7 (ttl 60)"}})
    for wrong in ({}, {"k:10.1.2.3": "8"}, {"k:10.1.2.3": "7 (ttl 59)"}, {"k:10.1.2.3": "7 (ttl -1)"}):
        with pytest.raises(Mismatch, match="store_after"):
            await store.check({"store_after": wrong}, SOON)
    await store.begin({"advance_s": 59})
    await store.check({"store_after": {"k:10.1.2.3": "7 (ttl 1)"}})
    await store.begin({"advance_s": 1})
    await store.check({"store_after": {}})
    await stores.aclose()


async def test_the_clock_of_a_gateway(tmp_path: Path) -> None:
    store = LocalStore(case_of({"redis_calls": []}), tmp_path, StillClock(tmp_path / "clock"))
    await store.begin({"advance_s": 1000})
    code = "import time; print(time.time(), time.monotonic())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, env={**os.environ, **store.environment}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    for moved, now in zip(map(float, output.split()), (time.time(), time.monotonic()), strict=True):
        assert 990 < moved - now < 1001

"""Which store a service's name leads to, and that it outlives the process."""

import pytest

from aigw.config.model import CacheConfig
from aigw.config.services import ServiceTable
from aigw.core.errors import ConfigError
from aigw.core.stores import LOCAL, Limit, Service
from aigw.server.stores import GatewayStores
from aigw.stores.memory import MemoryCounter, MemoryKV
from aigw.stores.memory_layer import LayeredKV
from aigw.stores.redis.stores import RedisKV

NONE = ServiceTable({})
REDIS = Service("redis.static", 6379)


@pytest.fixture
async def open_stores():
    opened = []

    def open_stores(folder, **limits):
        opened.append(GatewayStores(folder, CacheConfig(**limits)))
        return opened[-1]

    yield open_stores
    for stores in opened:
        await stores.aclose()


async def test_without_a_state_folder_it_is_all_in_memory(open_stores):
    stores = open_stores(None).by(NONE)
    assert isinstance(stores.kv(), MemoryKV)
    assert isinstance(stores.counter(REDIS), MemoryCounter)
    assert stores.kv(REDIS) is stores.kv(REDIS)


async def test_an_empty_cache_has_nothing_of_other_runs_and_counts_go_on(open_stores, tmp_path):
    before = open_stores(tmp_path).by(NONE)
    await before.kv().put("a", b"1")
    await before.counter().add("calls", 1)
    stores = GatewayStores(tmp_path, CacheConfig(), empty_cache=True)
    assert await stores.by(NONE).kv().get("a") is None
    assert await stores.by(ServiceTable({"redis.static": "redis://127.0.0.1:1"})).kv(REDIS).get("a") is None
    (count,) = await stores.by(NONE).counter().read("calls")
    assert count.used == 1
    await stores.aclose()


async def test_a_redis_that_nobody_names(open_stores):
    services = ServiceTable({"Redis.statc": "redis://a:1", "redis.static:6379": "redis://b:1", "api.x": "http://c"})
    stores = open_stores(None).by(services)
    stores.counter(REDIS)
    assert stores.unused() == ["redis.statc"]


async def test_nothing_is_made_before_it_is_used(open_stores, tmp_path):
    stores = open_stores(tmp_path / "state").by(NONE)
    stores.kv()
    stores.counter()
    assert list(tmp_path.iterdir()) == []
    assert await stores.kv().get("a") is None
    assert (await stores.counter().read("a"))[0].used == 0
    assert {"cache", "counters.sqlite"} <= {each.name for each in (tmp_path / "state").iterdir()}


async def test_its_files_are_opened_when_nobody_asks(tmp_path):
    jobs = []
    stores = GatewayStores(tmp_path, CacheConfig(), when_idle=jobs.append)
    for _ in range(2):
        stores.kv(LOCAL, "")
        stores.counter(LOCAL, "")
    assert [*tmp_path.iterdir()] == []
    for job in jobs:
        await job()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix in ("", ".sqlite")) == [
        "cache",
        "counters.sqlite",
    ]
    await stores.aclose()


async def test_it_outlives_the_process(open_stores, tmp_path):
    first = open_stores(tmp_path)
    await first.by(NONE).kv(REDIS).put("a", b"v")
    await first.by(NONE).counter(REDIS).add("a", 7)
    await first.aclose()
    later = open_stores(tmp_path).by(NONE)
    assert await later.kv(REDIS).get("a") == b"v"
    assert await later.counter(REDIS).add("a", 0) == 7


@pytest.mark.parametrize("other", [LOCAL, REDIS._replace(port=6380), REDIS._replace(database=1), Service("other")])
async def test_services_keep_their_data_apart(open_stores, tmp_path, other):
    stores = open_stores(tmp_path).by(NONE)
    await stores.kv(REDIS).put("a", b"v")
    await stores.counter(REDIS).add("a", 7)
    assert await stores.kv(other).get("a") is None
    assert await stores.counter(other).add("a", 1) == 1


async def test_another_login_sees_the_same_data(open_stores, tmp_path):
    stores = open_stores(tmp_path).by(NONE)
    await stores.counter(REDIS).add("a", 7)
    assert await stores.counter(REDIS._replace(username="u", password="p")).add("a", 1) == 8
    other = REDIS._replace(username="u", password="p", timeout=5.0)
    await stores.kv(REDIS).put("a", b"old")
    assert await stores.kv(other).get("a") == b"old"
    await stores.kv(REDIS).put("a", b"new")
    assert await stores.kv(other).get("a") == b"new"


async def test_two_gateways_count_together(open_stores, tmp_path):
    one, other = (open_stores(tmp_path).by(NONE).counter(REDIS) for _ in range(2))
    ticket = await one.hold([Limit("a", 10, 60, 11)])
    assert (await other.hold([Limit("a", 10, 60, 1)])).refused == 0
    assert (await other.settle(ticket, [5]))[0].used == 5


async def test_it_outlives_a_configuration(open_stores, tmp_path):
    stores = open_stores(tmp_path)
    assert stores.by(NONE).kv(REDIS) is stores.by(ServiceTable({"else": "redis://127.0.0.1:1"})).kv(REDIS)


@pytest.mark.parametrize("name", ["redis.static", "Redis.Static:6379"])
async def test_a_mapped_service_is_a_redis_that_is_asked_each_time(open_stores, tmp_path, name):
    stores = open_stores(tmp_path).by(ServiceTable({name: "redis://127.0.0.1:1/0"}))
    assert isinstance(stores.kv(REDIS), RedisKV)
    assert isinstance(stores.kv(), LayeredKV)
    assert list(tmp_path.iterdir()) == []


async def test_a_service_that_is_mapped_to_no_redis(open_stores, tmp_path):
    stores = open_stores(tmp_path).by(ServiceTable({"redis.static": "http://127.0.0.1:1"}))
    with pytest.raises(ConfigError) as raised:
        stores.kv(REDIS)
    assert raised.value.findings == ["services.redis.static: a plugin uses it as a Redis, so it must be a redis:// URL"]

"""The stores in Redis keep the contract, on a real server; and what stands in Redis has Higress's shape."""

import asyncio
import sys
from contextlib import suppress

import pytest
from redis_server import redis_server
from store_contract import KVContract

from aigw.core.stores import Count, Limit, Service, StoreError
from aigw.stores.redis.stores import RedisStores


class TestKV(KVContract):
    @pytest.fixture
    def kv(self, stores):
        return stores.kv()

    @pytest.fixture
    def another(self, more):
        async def another():
            return more().kv()

        return another


async def test_values_stand_as_higress_has_them(stores, raw):
    kv = stores.kv()
    await kv.put("ever", b"v")
    await kv.put("minute", b"v", ttl=60)
    await kv.put("short", b"v", ttl=0.5)
    assert await raw.get("p:ever") == b"v"
    assert [await raw.ttl("p:ever"), await raw.ttl("p:minute")] == [-1, 60]
    assert 0 < await raw.pttl("p:short") <= 500
    await raw.set("p:theirs", "1")
    assert await kv.get("theirs") == b"1"


async def test_services_are_apart_by_database(server):
    stores = RedisStores(server.url)
    for number in (0, 1):
        await stores.kv(Service("redis.static", database=number)).put("k", b"%d" % number)
    assert [await stores.kv(Service("other", database=number)).get("k") for number in (0, 1)] == [b"0", b"1"]
    await stores.aclose()
    named = RedisStores(f"{server.url}/1")
    assert await named.kv().get("k") == b"1"
    await named.aclose()


@pytest.mark.parametrize(
    ("login", "service"),
    [
        ("u:pass%40word@", Service()),
        ("", Service(username="u", password="pass@word")),
        ("u:pass%40word@", Service(password="x")),
    ],
)
async def test_user_and_password(server, raw, login, service):
    await raw.acl_setuser("u", enabled=True, passwords=["+pass@word"], keys=["*"], commands=["+@all"])
    await raw.execute_command("ACL", "SETUSER", "default", "resetpass", ">other")
    stores = RedisStores(server.url.replace("://", f"://{login}"))
    await stores.kv(service).put("k", b"v")
    assert await stores.kv(service).get("k") == b"v"
    await stores.aclose()
    wrong = RedisStores(server.url)
    with pytest.raises(StoreError) as caught:
        await wrong.kv(Service(username="u", password="s3cret")).get("k")
    assert "password" in str(caught.value)
    assert "s3cret" not in str(caught.value) + repr(caught.value)
    await wrong.aclose()


async def test_a_server_without_password_takes_any(server):
    stores = RedisStores(server.url)
    for service in (Service(username="default", password="123456"), Service(password="123456")):
        await stores.kv(service).put("k", b"v")
    await stores.aclose()


async def test_many_at_once_share_few_connections(stores, raw):
    kv = stores.kv()
    await asyncio.gather(*(kv.put(f"k{number}", b"%d" % number) for number in range(500)))
    values = await asyncio.gather(*(kv.get(f"k{number}") for number in range(500)))
    assert values == [b"%d" % number for number in range(500)]
    assert len(await raw.client_list()) <= 5


async def test_a_caller_that_leaves_disturbs_nobody(stores):
    kv, counter = stores.kv(), stores.counter()
    await kv.put("k", b"v")
    ticket = await counter.hold([Limit("a", 10, 0, 5)])
    for _ in range(20):
        leaving = asyncio.create_task(kv.get("k"))
        holding = asyncio.create_task(counter.hold([Limit("h", 1000, 0, 1)]))
        settling = asyncio.create_task(counter.settle(ticket, [1]))
        staying = asyncio.create_task(counter.add("n", 1))
        await asyncio.sleep(0)
        leaving.cancel()
        holding.cancel()
        settling.cancel()
        await staying
    assert await counter.add("n", 0) == 20
    assert (await counter.read("a"))[0] == Count(20, 0, 0.0), "what was to be settled is settled"
    assert (await counter.read("h"))[0] == Count(0, 0, 0.0), "what was to be held is not"


WRITER = """
import asyncio, sys
from aigw.stores.redis.stores import RedisStores

async def main():
    stores = RedisStores(sys.argv[1])
    for number in range(1000):
        await stores.kv().put(f"k{number}", b"%d" % number * 1000)
        await stores.counter().add("n", 1)
        print(number, flush=True)

asyncio.run(main())
"""


async def test_a_writer_is_killed(stores, server):
    """Nothing that was acknowledged is lost, nothing half-written is served."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, f"{server.url}/0?prefix=p:", stdout=asyncio.subprocess.PIPE
    )
    for _ in range(300):
        await process.stdout.readline()
    process.kill()
    rest, _ = await process.communicate()
    acknowledged = 300 + rest.count(b"\n")
    assert acknowledged < 1000
    values = await asyncio.gather(*(stores.kv().get(f"k{number}") for number in range(1000)))
    assert values[:acknowledged] == [b"%d" % number * 1000 for number in range(acknowledged)]
    assert all(value is None for value in values[acknowledged + 1 :])
    assert values[acknowledged] in (None, b"%d" % acknowledged * 1000)
    assert acknowledged <= await stores.counter().add("n", 0) <= acknowledged + 1


async def test_a_server_with_a_log_is_killed(tmp_path):
    """Whatever it acknowledged is there when it is started again, and nothing half-written is."""
    async with redis_server(tmp_path, "appendonly yes", "appendfsync always") as server:
        stores = RedisStores(server.url)
        acknowledged = []

        async def write():
            with suppress(StoreError):
                for number in range(1000):
                    await stores.kv().put(f"k{number}", b"%d" % number * 1000)
                    acknowledged.append(number)

        writing = asyncio.create_task(write())
        while len(acknowledged) < 300:  # noqa: ASYNC110 - the writer must not notice
            await asyncio.sleep(0.001)
        await server.kill()
        await writing
        await server.start()
        again = RedisStores(server.url)
        values = await asyncio.gather(*(again.kv().get(f"k{number}") for number in range(1000)))
        await again.aclose()
        await stores.aclose()
    assert 300 <= len(acknowledged) < 1000
    assert values[: len(acknowledged)] == [b"%d" % number * 1000 for number in acknowledged]
    assert set(values[len(acknowledged) + 1 :]) == {None}

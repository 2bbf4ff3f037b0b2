"""The stores in Redis keep the contract, on a real server; and what stands in Redis has Higress's shape."""

import asyncio
import random
import sys
from contextlib import suppress

import pytest
from redis.asyncio import Redis
from redis_server import redis_server
from store_contract import CounterContract, KVContract

from aigw.core.stores import Count, Limit, Service, StoreError
from aigw.stores.memory import MemoryCounter
from aigw.stores.redis.stores import RedisStores


@pytest.fixture
async def stores(server):
    stores = RedisStores(f"{server.url}/0?prefix=p:")
    yield stores
    await stores.aclose()


@pytest.fixture
async def raw(server):
    async with Redis(port=server.port) as client:
        yield client


@pytest.fixture
async def more(server):
    """Stores of other workers."""
    opened = []

    def open_more():
        opened.append(RedisStores(f"{server.url}/0?prefix=p:"))
        return opened[-1]

    yield open_more
    for each in opened:
        await each.aclose()


@pytest.fixture
def elapse():
    return asyncio.sleep


class TestKV(KVContract):
    @pytest.fixture
    def kv(self, stores):
        return stores.kv()

    @pytest.fixture
    def another(self, more):
        async def another():
            return more().kv()

        return another


class TestCounter(CounterContract):
    @pytest.fixture
    def counter(self, stores):
        return stores.counter()

    @pytest.fixture
    def another(self, more):
        async def another():
            return more().counter()

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


async def test_counts_stand_as_higress_has_them(stores, raw):
    counter, key = stores.counter(), "higress-token-ratelimit:{r}:global_threshold:60"
    ticket = await counter.hold([Limit(key, 100, 60, 5)])
    assert await raw.keys() == [b"aigw:held:p:" + key.encode()], "nothing stands under the key before it is charged"
    await counter.settle(ticket, [46])
    assert await raw.get(f"p:{key}") == b"46"
    assert await raw.ttl(f"p:{key}") == 60
    assert await raw.keys() == [f"p:{key}".encode()], "nothing is left of a hold"
    await raw.incrby(f"p:{key}", 55)
    assert (await counter.hold([Limit(key, 100, 60, 5)])).refused == 0


async def test_holds_leave_nothing_behind(stores, raw):
    counter = stores.counter()
    await counter.hold([Limit("a", 10, 0, 1)], lease=0.1)
    assert 0 < await raw.pttl("aigw:held:{p:a}") <= 100


async def test_large_numbers_are_exact(stores):
    counter = stores.counter()
    await counter.put("a", (1 << 62) + 1)
    ticket = await counter.hold([Limit("a", (1 << 63) - 1, 0, 1 << 40)])
    assert ticket.counts == (Count((1 << 62) + 1, 0, 0.0),)
    assert await counter.settle(ticket, [1]) == (Count((1 << 62) + 2, 0, 0.0),)


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_as_the_reference(stores, seed):
    """Random requests, where no time passes."""
    chance, both, tickets = random.Random(seed), (stores.counter(), MemoryCounter()), []
    for _ in range(200):
        key, amount = chance.choice("abc"), chance.randrange(-2, 9)
        action = chance.choice(["hold", "hold", "settle", "settle", "add", "put", "drop", "read"])
        if action == "hold":
            limits = [
                Limit(chance.choice("abc"), chance.randrange(40), chance.choice([0, 1000]), chance.randrange(9))
                for _ in range(chance.randrange(4))
            ]
            pair = [await each.hold(limits) for each in both]
            assert pair[0].refused == pair[1].refused
            assert_same(pair[0].counts, pair[1].counts)
            if pair[0].refused is None:
                tickets.append(pair)
        elif action == "settle" and tickets:
            pair, within = chance.choice(tickets), chance.random() < 0.5
            charges = [chance.randrange(9) for _ in pair[0].limits]
            assert_same(
                *[await each.settle(ticket, charges, within=within) for each, ticket in zip(both, pair, strict=True)]
            )
        elif action in ("add", "put"):
            one, other = [await getattr(each, action)(key, amount) for each in both]
            assert one == other
        elif action == "drop":
            one, other = [await each.drop(key) for each in both]
            assert one == other
        assert_same(*[await each.read("a", "b", "c") for each in both])


def assert_same(ours, theirs):
    assert [count[:2] for count in ours] == [count[:2] for count in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.left == pytest.approx(other.left, abs=5)


async def test_what_is_no_number_is_an_error(stores, raw):
    await raw.set("p:a", "text")
    await raw.hset("p:h", "f", "1")
    for key in ("a", "h"):
        for call in (stores.counter().hold([Limit(key, 1)]), stores.counter().read(key), stores.counter().add(key, 1)):
            with pytest.raises(StoreError, match=r"Redis at redis://127\.0\.0\.1"):
                await call
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await stores.kv().get("h")
    assert await stores.kv().get("a") == b"text", "an error of one key is not one of the server"


async def test_scripts_are_loaded_again(stores, raw):
    counter = stores.counter()
    await counter.hold([Limit("a", 1)])
    await raw.script_flush()
    assert (await counter.hold([Limit("a", 1)])).refused is None


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

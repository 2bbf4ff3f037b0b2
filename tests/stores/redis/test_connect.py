"""A Redis of several servers, or behind TLS: a real cluster of three, a real sentinel and what it knows, a real
certificate."""

import asyncio
import ssl
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trustme
from redis.asyncio import Redis, RedisCluster
from redis_server import redis_server

from aigw.core.stores import Limit, Service, StoreError
from aigw.stores.redis.stores import RedisStores

SERVICE = Service("redis.static", timeout=1.0)
SECONDS = 20.0


@asynccontextmanager
async def opened(url):
    stores = RedisStores(url)
    try:
        yield stores
    finally:
        await stores.aclose()


async def until(condition, pause=0.05):
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(pause)


@pytest.fixture
async def stack():
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def cluster(tmp_path, stack):
    """Three masters, each with a third of the slots."""
    servers, clients = [], []
    for number in range(3):
        folder = tmp_path / f"node{number}"
        folder.mkdir()
        options = ("cluster-enabled yes", "cluster-node-timeout 2000", "cluster-port 0")
        servers.append(await stack.enter_async_context(redis_server(folder, *options)))
        clients.append(await stack.enter_async_context(Redis(port=servers[-1].port)))
    for number, client in enumerate(clients):
        first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
        await client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        await client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        await clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", servers[number].port)

    async def formed():
        states = [await client.execute_command("CLUSTER", "INFO") for client in clients]
        return all(
            b"cluster_state:ok" in str(state).encode() and "cluster_known_nodes:3" in str(state) for state in states
        )

    await until(formed)
    return servers


async def test_cluster(cluster):
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in cluster[:2])
    async with opened(f"{url}?prefix=p:") as stores:
        kv, counter = stores.kv(SERVICE), stores.counter(SERVICE)
        await asyncio.gather(*(kv.put(f"k{number}", b"%d" % number) for number in range(50)))
        assert await asyncio.gather(*(kv.get(f"k{number}") for number in range(50))) == [b"%d" % n for n in range(50)]
        assert {key async for key in kv.keys("k1")} == {"k1", *(f"k1{number}" for number in range(10))}
        assert await kv.drop(*(f"k{number}" for number in range(60))) == 50
        for name in "abcdef":
            ticket = await counter.hold(
                [Limit(f"{{{name}}}:minute", 10, 60, 5), Limit(f"{{{name}}}:day", 90, 86400, 5)]
            )
            assert ticket.refused is None
            assert [count.used for count in await counter.settle(ticket, [7, 7])] == [7, 7]
            ticket = await counter.hold([Limit(name, 10, 60, 5)])
            await counter.settle(ticket, [1])
        assert [count.used for count in await counter.read("a", "{a}:day", "b")] == [1, 7, 1]
        with pytest.raises(StoreError, match=r"common \{hash tag\}"):
            await counter.hold([Limit("a", 1), Limit("b", 1)])
        assert await counter.drop("a", "b") == 2
    async with RedisCluster(host="127.0.0.1", port=cluster[0].port) as raw:
        assert await raw.get("p:{c}:minute") == b"7"


async def test_a_server_of_a_cluster_fails(cluster):
    async with opened(f"redis+cluster://127.0.0.1:{cluster[0].port},127.0.0.1:{cluster[1].port}") as stores:
        kv = stores.kv(SERVICE)
        await kv.put("k", b"v")
        for server in cluster:
            await server.kill()
        for _ in range(2):
            with pytest.raises(StoreError):
                await asyncio.wait_for(kv.get("k"), 2 * SERVICE.timeout)


async def test_sentinel(tmp_path, stack):
    """The master fails, a replica takes its place, and the stores follow."""
    for name in ("master", "replica", "sentinel"):
        (tmp_path / name).mkdir()
    options = ("user default on >secret ~* &* +@all", "masterauth secret", "repl-diskless-sync-delay 0")
    master = await stack.enter_async_context(redis_server(tmp_path / "master", *options))
    replica = await stack.enter_async_context(
        redis_server(tmp_path / "replica", *options, f"replicaof 127.0.0.1 {master.port}")
    )
    sentinel = await stack.enter_async_context(
        redis_server(
            tmp_path / "sentinel",
            f"sentinel monitor m 127.0.0.1 {master.port} 1",
            "sentinel auth-pass m secret",
            "sentinel down-after-milliseconds m 300",
            "sentinel failover-timeout m 2000",
            arguments=("--sentinel",),
        )
    )
    raw = await stack.enter_async_context(Redis(port=sentinel.port))

    async def knows_the_replica():
        return bool(await raw.execute_command("SENTINEL", "REPLICAS", "m"))

    await until(knows_the_replica)
    async with opened(f"redis+sentinel://:secret@127.0.0.1:{sentinel.port}/m/0") as stores:
        await stores.kv(SERVICE).put("k", b"v")
        async with Redis(port=replica.port, password="secret") as reading:

            async def replicated():
                return await reading.get("k") == b"v"

            await until(replicated)
        await master.kill()

        async def written():
            try:
                await stores.kv(SERVICE).put("k", b"after")
            except StoreError:
                return False
            return True

        await until(written)
        assert await stores.kv(SERVICE).get("k") == b"after"
    async with Redis(port=replica.port, password="secret") as reading:
        assert await reading.get("k") == b"after"


@asynccontextmanager
async def tls_in_front_of(port, context):
    """Takes TLS off, as a managed Redis does."""
    tasks = set()

    async def copy(reader, writer):
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def connected(reader, writer):
        tasks.add(asyncio.current_task())
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.wait(tasks, timeout=5.0) if tasks else None


async def test_tls(server, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with tls_in_front_of(server.port, context) as port:
        async with opened(f"rediss://localhost:{port}?ssl_ca_certs={tmp_path / 'ca.pem'}") as stores:
            await stores.kv(SERVICE).put("k", b"v")
            assert await stores.kv(SERVICE).get("k") == b"v"
        async with opened(f"rediss://localhost:{port}") as stores:
            with pytest.raises(StoreError, match=r"(?i)certificate"):
                await stores.kv(SERVICE).get("k")

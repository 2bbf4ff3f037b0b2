"""A Redis that is down, paused, full, read-only, loading or no Redis at all: it is told, it costs next to nothing once
it is known, and it is used again as soon as it can be."""

import asyncio
import re
import time
from contextlib import asynccontextmanager

import pytest
import uvloop
from redis.asyncio import Redis
from redis_server import RedisServer, redis_server

from aigw.core.stores import Limit, Service, StoreError
from aigw.stores.redis.stores import RedisStores

SERVICE = Service("redis.static", password="s3cret", timeout=0.2)
RECOVERY_SECONDS = 5.0


@asynccontextmanager
async def opened(url):
    stores = RedisStores(url.replace("://", "://:s3cret@"))
    try:
        yield stores
    finally:
        await stores.aclose()


async def fails(stores, within):
    """The message of a StoreError, which comes in time whatever is asked for."""
    messages = set()
    for call in (
        lambda: stores.kv(SERVICE).get("k"),
        lambda: stores.counter(SERVICE).hold([Limit("a", 10, 60, 1)]),
        lambda: anext(stores.kv(SERVICE).keys()),
    ):
        begun = time.perf_counter()
        with pytest.raises(StoreError) as caught:
            await call()
        assert time.perf_counter() - begun < within
        messages.add(str(caught.value))
    assert not any("s3cret" in message for message in messages)
    return messages.pop()


async def works(stores):
    """Waits until it does, and that what it gives is right."""
    kv, counter = stores.kv(SERVICE), stores.counter(SERVICE)
    async with asyncio.timeout(RECOVERY_SECONDS):
        while True:
            try:
                await kv.put("k", b"v")
                break
            except StoreError:
                await asyncio.sleep(0.02)
    values = await asyncio.gather(kv.get("k"), kv.get("none"), counter.add("n", 0), kv.get("k"))
    assert [values[0], values[1], values[3]] == [b"v", None, b"v"]
    assert isinstance(values[2], int)


COMMAND = re.compile(rb"^\*\d+\r\n", re.MULTILINE)
KNOWN = 0.005
"""Seconds that a request may lose by a Redis which is known to be unusable."""


async def test_down_from_the_start_and_then_up(tmp_path):
    async with redis_server(tmp_path) as server:
        await server.kill()
        async with opened(server.url) as stores:
            with pytest.raises(StoreError, match="refused"):
                await stores.kv(SERVICE).get("k")
            assert server.url in await fails(stores, KNOWN)
            await server.start()
            await works(stores)


async def test_killed_and_started_again(server):
    async with opened(server.url) as stores:
        await works(stores)
        await server.kill()
        with pytest.raises(StoreError):
            await stores.kv(SERVICE).get("k")
        await fails(stores, KNOWN)
        await server.start()
        await works(stores)


async def test_what_lasts_is_logged_once(server, caplog):
    async with opened(server.url) as stores:
        await works(stores)
        await server.kill()
        with pytest.raises(StoreError):
            await stores.kv(SERVICE).get("k")
        async with asyncio.timeout(RECOVERY_SECONDS):
            while not caplog.messages:  # noqa: ASYNC110 - the breaker's own task
                await asyncio.sleep(0.02)
        await server.start()
        await works(stores)
    down, up = caplog.messages
    assert f"Redis at {server.url} cannot be used" in down
    assert up == f"Redis at {server.url} can be used again"


async def test_started_again_between_two_requests(server):
    """Nobody notices: connections that were closed are opened anew."""
    async with opened(server.url) as stores:
        await works(stores)
        await server.kill()
        await server.start()
        assert await stores.kv(SERVICE).get("k") is None


async def test_paused(server):
    async with opened(server.url) as stores:
        await works(stores)
        server.pause()
        begun = time.perf_counter()
        asked = [stores.kv(SERVICE).get(f"k{number}") for number in range(50)]
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, StoreError)
        assert time.perf_counter() - begun < 2 * SERVICE.timeout, "all wait at the same time"
        assert "no answer within 0.2 s" in await fails(stores, KNOWN)
        server.resume()
        await works(stores)


async def test_paused_while_more_and_more_ask(server):
    """Whoever comes while the first ones wait is told together with them."""
    async with opened(server.url) as stores:
        await works(stores)
        server.pause()
        begun, asked = time.perf_counter(), []
        for number in range(300):
            asked.append(asyncio.create_task(stores.kv(SERVICE).get(f"k{number}")))
            await asyncio.sleep(0)
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, StoreError)
        assert time.perf_counter() - begun < 2 * SERVICE.timeout
        server.resume()
        await works(stores)


async def test_options_that_cannot_be_used(server):
    url = f"{server.url.replace('redis:', 'rediss:')}?ssl_ca_certs=/no/such/file"
    for more in ("", "&ssl_cert_reqs=never"):
        async with opened(url + more) as stores:
            await fails(stores, 1.0)
            await fails(stores, KNOWN)


async def test_paused_before_the_first_connection(server):
    server.pause()
    async with opened(server.url) as stores:
        with pytest.raises(StoreError, match="no answer"):
            await stores.kv(SERVICE).get("k")
        await fails(stores, KNOWN)
        server.resume()
        await works(stores)


async def test_full(server):
    async with opened(server.url) as stores, Redis(port=server.port) as raw:
        await works(stores)
        await raw.config_set("maxmemory", "1")
        for call in (
            stores.kv(SERVICE).put("k", b"other"),
            stores.counter(SERVICE).hold([Limit("a", 10, 60, 1)]),
            stores.counter(SERVICE).add("a", 1),
        ):
            with pytest.raises(StoreError, match=r"(?i)memory"):
                await call
        assert await stores.kv(SERVICE).get("k") == b"v", "it can still be read"
        await raw.config_set("maxmemory", "0")
        await stores.kv(SERVICE).put("k", b"other")


async def test_read_only(server):
    async with opened(server.url) as stores, Redis(port=server.port) as raw:
        await works(stores)
        await raw.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreError, match="read only"):
            await stores.kv(SERVICE).put("k", b"other")
        with pytest.raises(StoreError, match="read only"):
            await stores.counter(SERVICE).hold([Limit("a", 10, 60, 1)])
        assert await stores.kv(SERVICE).get("k") == b"v"
        await raw.replicaof("NO", "ONE")
        await works(stores)


@asynccontextmanager
async def saying(answer, *, close=False):
    """Something that answers every command with the same bytes."""
    writers = set()

    async def connected(reader, writer):
        writers.add(writer)
        try:
            while sent := await reader.read(1 << 16):
                writer.write(answer * len(COMMAND.findall(sent)))
                await writer.drain()
                if close:
                    break
        except ConnectionError:
            pass
        finally:
            writers.discard(writer)
            writer.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for writer in list(writers):
            writer.close()
        await listener.wait_closed()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-NOAUTH Authentication required.\r\n",
        b"$999999999999\r\nx",
        b"*3\r\n$1\r\na\r\n",
        b"\x00\xff\xfe" * 50,
        b"+OK\r\n" * 100,
        b"*-1\r\n:x\r\n",
        b"",
    ],
)
async def test_no_redis_or_not_yet(answer):
    for close in (False, True):
        async with saying(answer, close=close) as url, opened(url) as stores:
            for _ in range(2):
                with pytest.raises(StoreError):
                    await asyncio.wait_for(stores.kv(SERVICE).get("k"), 1.0)
                with pytest.raises(StoreError):
                    await asyncio.wait_for(stores.counter(SERVICE).read("a"), 1.0)


async def test_a_well_formed_answer_to_another_question():
    async with saying(b"+OK\r\n") as url, opened(url) as stores:
        kv, counter = stores.kv(SERVICE), stores.counter(SERVICE)
        asked = [kv.drop("k"), counter.read("k"), counter.add("k", 1), counter.hold([Limit("k", 1)])]
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, StoreError)
            assert "something else" in str(answer)


async def test_the_timeout_is_capped(server):
    async with opened(server.url) as stores:
        server.pause()
        begun = time.perf_counter()
        with pytest.raises(StoreError, match="no answer within 1 s"):
            await stores.kv(Service(timeout=10.0)).get("k")
        assert time.perf_counter() - begun < 2.0


async def test_closing_leaves_nothing_open(server):
    async with Redis(port=server.port) as raw:
        async with opened(server.url) as stores:
            await works(stores)
            server.pause()
            waiting = asyncio.create_task(stores.kv(SERVICE).get("k"))
            await asyncio.sleep(0)
        server.resume()
        with pytest.raises(StoreError):
            await waiting
        async with asyncio.timeout(RECOVERY_SECONDS):
            while len(await raw.client_list()) > 1:
                pass  # the server has not noticed yet that they are closed


async def test_the_server_of_a_test_keeps_its_port(server):
    port = server.port
    await server.kill()
    await server.start()
    assert isinstance(server, RedisServer)
    assert server.port == port


def test_nobody_there_is_said_the_same_way_in_every_event_loop():
    async def ask():
        async with opened("redis://127.0.0.1:1") as stores:
            with pytest.raises(StoreError) as caught:
                await stores.kv(SERVICE).get("k")
            return str(caught.value)

    for loop in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=loop) as runner:
            assert runner.run(ask()) == "Redis at redis://127.0.0.1:1: connection refused"

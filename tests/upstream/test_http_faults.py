"""Everything that goes wrong on the way to an answer or in it: each time the fault is right and nothing stays open."""

import asyncio
import contextlib
import socket

import pytest

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin
from aigw.upstream.body import HIGH_WATER
from aigw.upstream.http import HttpUpstream

OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def fails(wire, fault):
    with pytest.raises(UpstreamError) as caught:
        yield
    assert caught.value.fault is fault
    assert str(caught.value).startswith(("http://", "https://"))
    assert wire.upstream.open_connections == 0


def sends(data):
    """A script that answers with `data` and waits for the client to leave."""

    async def script(peer):
        await peer.request()
        await peer.send(data)
        await peer.gone()

    return script


def closes_after(data, *, reset):
    async def script(peer):
        await peer.request()
        await peer.send(data)
        if reset:
            peer.reset()

    return script


async def test_refused(wire):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        wire.port = unused.getsockname()[1]
        with fails(wire, UpstreamFault.CONNECT):
            await wire.send()


@pytest.mark.parametrize("origin", [Origin("http", "a" * 64 + ".test", 80), Origin("http", "127.0.0.1", 99999)])
async def test_impossible_address(wire, origin):
    with fails(wire, UpstreamFault.CONNECT):
        await wire.send(origin=origin)


async def test_connect_timeout(wire):
    await wire.serve(lambda peer: peer.gone())  # never answers the TLS handshake
    with fails(wire, UpstreamFault.CONNECT_TIMEOUT):
        await wire.send(origin=Origin("https", "127.0.0.1", wire.port, "localhost"), connect=0.05)
    await wire.served()


# Closed by the peer


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 2", OK + b"Content-Le", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_closed_before_the_head(wire, data, reset):
    await wire.serve(closes_after(data, reset=reset))
    with fails(wire, UpstreamFault.RESET):
        await wire.send()
    assert wire.accepted == 1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\npart", b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"]
)
async def test_closed_in_the_middle_of_the_body(wire, framing, reset):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(OK + framing)
        await go_on.wait()
        if reset:
            peer.reset()

    await wire.serve(script)
    response = await wire.send()
    assert await anext(response.body) == b"part"
    go_on.set()
    with fails(wire, UpstreamFault.RESET):
        await anext(response.body)
    with fails(wire, UpstreamFault.RESET):
        await anext(response.body)


async def test_what_arrived_before_a_close_is_read_first(wire):
    await wire.serve(closes_after(OK + b"Content-Length: 9\r\n\r\npart", reset=False))
    response = await wire.send()
    await wire.until(lambda: wire.upstream.open_connections == 0)
    assert await anext(response.body) == b"part"
    with fails(wire, UpstreamFault.RESET):
        await anext(response.body)


async def test_reset_of_a_close_delimited_body_is_not_its_end(wire):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(OK + b"\r\npart")
        await go_on.wait()
        peer.reset()

    await wire.serve(script)
    response = await wire.send()
    assert await anext(response.body) == b"part"
    go_on.set()
    with fails(wire, UpstreamFault.RESET):
        await anext(response.body)


# Silence


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\nX:", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
async def test_stalls_before_the_head(wire, data):
    await wire.serve(sends(data))
    with fails(wire, UpstreamFault.FIRST_BYTE_TIMEOUT):
        await wire.send(first_byte=0.05)
    await wire.served()


async def test_stalls_in_the_body(wire):
    await wire.serve(sends(OK + b"Content-Length: 9\r\n\r\npart"))
    response = await wire.send(idle=0.05)
    assert await anext(response.body) == b"part"
    with fails(wire, UpstreamFault.IDLE_TIMEOUT):
        await anext(response.body)
    await wire.served()


async def test_idle_time_runs_only_while_someone_reads(wire):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(OK + b"Content-Length: 2\r\n\r\no")
        await go_on.wait()
        await peer.send(b"k")
        await peer.gone()

    await wire.serve(script)
    response = await wire.send(first_byte=0.05, idle=0.05)
    assert await anext(response.body) == b"o"
    asyncio.get_running_loop().call_later(0.1, go_on.set)
    await go_on.wait()
    assert await anext(response.body) == b"k"


async def test_a_large_request_on_its_way_is_not_waiting_for_the_first_byte(wire):
    body = b"x" * 20_000_000

    async def script(peer):
        left = len(body)
        pause = asyncio.get_running_loop().time() + 0.6
        while left > 0:
            left -= len(await peer.reader.read(1_000_000))
            if asyncio.get_running_loop().time() < pause:
                await asyncio.sleep(0.02)
        await peer.send(OK + b"Content-Length: 0\r\n\r\n")

    await wire.serve(script)
    assert await wire.fetch(body=body, first_byte=0.4) == b""


async def test_a_request_that_stops_moving_times_out(wire):
    leave = asyncio.Event()
    await wire.serve(lambda peer: leave.wait())
    with fails(wire, UpstreamFault.FIRST_BYTE_TIMEOUT):
        await wire.send(body=b"x" * 30_000_000, first_byte=0.05)
    leave.set()


# What is no HTTP


GARBAGE = {
    "no http": b"SSH-2.0-OpenSSH\r\n",
    "binary": bytes(range(256)),
    "version": b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunked": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": OK + b"Content-Length: -1\r\n\r\n",
    "coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding after chunked": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
    "folded": OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "NUL": OK + b"A: \0\r\nContent-Length: 0\r\n\r\n",
    "switches": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "switches to nothing": b"HTTP/1.1 101 Switching\r\n\r\n",
    "large head": OK + b"A: " + b"a" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "endless header": OK + b"A: " + b"a" * 400_000,
    "endless interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 10_000,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
async def test_garbage(wire, data):
    async def script(peer):
        await peer.request()
        with contextlib.suppress(ConnectionError):
            await peer.send(data)
        await peer.gone()

    await wire.serve(script)
    with fails(wire, UpstreamFault.PROTOCOL):
        await wire.send()
    await wire.served()


@pytest.mark.parametrize("tail", [b"zz\r\n", b"0\r\nX: " + b"x" * 400_000], ids=["chunk size", "endless trailer"])
async def test_garbage_after_a_part(wire, tail):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        await go_on.wait()
        with contextlib.suppress(ConnectionError):
            await peer.send(tail)
        await peer.gone()

    await wire.serve(script)
    response = await wire.send()
    assert await anext(response.body) == b"part"
    go_on.set()
    with fails(wire, UpstreamFault.PROTOCOL):
        await anext(response.body)
    await wire.served()


# Sent again, or not


async def test_a_stale_connection_is_replaced_once(wire):
    seen = []

    async def closes_on_the_second(peer):
        await peer.answer()
        seen.append(await peer.request())

    async def answers(peer):
        seen.append(await peer.request())
        await peer.send(OK + b"Content-Length: 2\r\n\r\nok")

    await wire.serve(closes_on_the_second, answers)
    await wire.fetch()
    assert await wire.fetch(path="/second", body=b"again") == b"ok"
    assert wire.accepted == 2
    assert seen[0] == seen[1]


async def test_nothing_is_sent_again_that_the_peer_has_had_for_long(wire):
    async def closes_on_the_second(peer):
        await peer.answer()
        await peer.request()

    wire.upstream = HttpUpstream(stale_seconds=0.0)
    await wire.serve(closes_on_the_second)
    await wire.fetch()
    with fails(wire, UpstreamFault.RESET):
        await wire.send()
    assert wire.accepted == 1


async def test_a_fresh_connection_is_not_replaced(wire):
    async def closes(peer):
        await peer.request()

    async def closes_on_the_second(peer):
        await peer.answer()
        await peer.request()

    await wire.serve(closes_on_the_second, closes)
    await wire.fetch()
    with fails(wire, UpstreamFault.RESET):
        await wire.send()
    assert wire.accepted == 2


async def test_nothing_is_sent_again_after_a_byte_of_an_answer(wire):
    async def script(peer):
        await peer.answer()
        await peer.request()
        await peer.send(b"H")

    await wire.serve(script)
    await wire.fetch()
    with fails(wire, UpstreamFault.RESET):
        await wire.send()
    assert wire.accepted == 1


# Cancelled and closed by the reader


async def test_cancelled_while_connecting(wire):
    await wire.serve(lambda peer: peer.gone())
    origin = Origin("https", "127.0.0.1", wire.port, "localhost")
    sending = asyncio.ensure_future(wire.send(origin=origin))
    await wire.until(lambda: wire.accepted)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await wire.served()


async def test_cancelled_while_waiting(wire):
    waiting = asyncio.Event()

    async def script(peer):
        await peer.request()
        waiting.set()
        await peer.gone()

    await wire.serve(script)
    sending = asyncio.ensure_future(wire.send())
    await waiting.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert wire.upstream.open_connections == 0
    await wire.served()


async def test_cancelled_while_reading(wire):
    reading = asyncio.Event()
    await wire.serve(sends(OK + b"Content-Length: 9\r\n\r\npart"))

    async def consume():
        response = await wire.send()
        try:
            async for _ in response.body:
                reading.set()
        finally:
            await response.body.aclose()

    consuming = asyncio.ensure_future(consume())
    await reading.wait()
    consuming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consuming
    assert wire.upstream.open_connections == 0
    await wire.served()


async def test_a_cancelled_read_loses_nothing(wire):
    go_on = asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.send(OK + b"Content-Length: 4\r\n\r\n")
        await go_on.wait()
        await peer.send(b"body")

    await wire.serve(script)
    response = await wire.send()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(response.body)
    go_on.set()
    assert await anext(response.body) == b"body"


async def test_cancelled_in_the_moment_of_the_answer(wire):
    """The connection is in the pool by then, or serves somebody else: leaving must not take it away."""

    async def script(peer):
        while True:
            await peer.answer(b"same")

    await wire.serve(script)
    await wire.fetch()
    sending = asyncio.ensure_future(wire.send())
    await asyncio.sleep(0)
    await wire.until(lambda: any(wire.upstream._pool._idle.values()))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert wire.upstream.open_connections == 1
    assert await wire.fetch() == b"same"
    assert wire.accepted == 1


async def test_closed_before_the_first_read(wire):
    await wire.serve(sends(OK + b"Content-Length: 9\r\n\r\npart"))
    response = await wire.send()
    await response.body.aclose()
    await response.body.aclose()
    assert wire.upstream.open_connections == 0
    with pytest.raises(UpstreamError, match="closed before its end"):
        await anext(response.body)
    await wire.served()


async def test_closing_wakes_a_reader(wire):
    await wire.serve(sends(OK + b"Content-Length: 9\r\n\r\n"))
    response = await wire.send()
    reading = asyncio.ensure_future(anext(response.body))
    await asyncio.sleep(0)
    await response.body.aclose()
    with pytest.raises(UpstreamError):
        await reading


async def test_a_body_has_one_reader(wire):
    await wire.serve(sends(OK + b"Content-Length: 9\r\n\r\n"))
    response = await wire.send()
    reading = asyncio.ensure_future(anext(response.body))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await anext(response.body)
    await response.body.aclose()
    with pytest.raises(UpstreamError):
        await reading


# Slow readers


async def test_a_slow_reader_slows_the_peer(wire):
    size = 16_000_000

    async def script(peer):
        await peer.request()
        await peer.send(OK + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(size // 100_000):
            await peer.send(b"x" * 100_000)
        await peer.answer()

    await wire.serve(script)
    response = await wire.send()
    await wire.until(lambda: response.body.size > HIGH_WATER)
    for _ in range(100):
        await asyncio.sleep(0)
    total = 0
    async for piece in response.body:
        assert len(piece) <= 2 * HIGH_WATER
        total += len(piece)
        await asyncio.sleep(0)
    assert total == size
    assert await wire.fetch() == b"{}"
    assert wire.accepted == 1


async def test_closing_a_paused_body_closes_the_connection(wire):
    async def script(peer):
        await peer.request()
        await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                await peer.send(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")

    await wire.serve(script)
    response = await wire.send()
    await wire.until(lambda: response.body.size > HIGH_WATER)
    await response.body.aclose()
    assert wire.upstream.open_connections == 0
    assert response.body.size == 0
    await wire.served()

"""Requests whose body is a stream."""

import asyncio
import contextlib

import pytest

from aigw.core.errors import UpstreamError, UpstreamFault

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def stream(*pieces):
    for piece in pieces:
        yield piece


async def test_goes_out_in_chunks(wire):
    seen = []

    async def script(peer):
        seen.append(await peer.request())
        await peer.send(EMPTY)
        await peer.answer()

    await wire.serve(script)
    assert await wire.fetch(stream=stream(b"hello", b"", b" world")) == b""
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.endswith(b"\r\ntransfer-encoding: chunked")
    assert body == b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    assert await wire.fetch() == b"{}"
    assert wire.accepted == 1


async def test_keeps_a_declared_length(wire):
    seen = []

    async def script(peer):
        seen.append(await peer.request())
        await peer.send(EMPTY)

    await wire.serve(script)
    await wire.fetch(stream=stream(b"hello", b" world"), headers=[("Content-Length", "11")])
    assert seen[0].endswith(b"\r\ncontent-length: 11\r\n\r\nhello world")


@pytest.mark.parametrize("length", ["10", "12", "x", "-1", "1 1"])
async def test_refuses_a_wrong_length(wire, length):
    await wire.serve(lambda peer: peer.gone())
    with pytest.raises(UpstreamError) as caught:
        await wire.send(stream=stream(b"hello", b" world"), headers=[("Content-Length", length)])
    assert caught.value.fault is UpstreamFault.PROTOCOL
    assert wire.upstream.open_connections == 0
    await wire.served()


async def test_never_goes_out_on_a_kept_connection(wire):
    async def script(peer):
        await peer.answer()
        await peer.gone()

    await wire.serve(script)
    await wire.fetch()
    await wire.fetch(stream=stream(b"x"))
    assert wire.accepted == 2


async def test_a_failing_source_ends_the_request(wire):
    async def source():
        yield b"x"
        raise OSError("the client left")

    await wire.serve(lambda peer: peer.gone())
    with pytest.raises(OSError, match="the client left"):
        await wire.send(stream=source())
    assert wire.upstream.open_connections == 0
    await wire.served()


async def test_a_cancelled_source_ends_the_request(wire):
    async def source():
        yield b"x"
        raise asyncio.CancelledError

    await wire.serve(lambda peer: peer.gone())
    with pytest.raises(UpstreamError) as caught:
        await wire.send(stream=source())
    assert caught.value.fault is UpstreamFault.RESET
    await wire.served()


async def test_an_early_answer_stops_the_upload(wire):
    closed = []

    async def source():
        try:
            yield b"x"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def script(peer):
        await peer.reader.readuntil(b"1\r\nx\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await peer.gone()

    await wire.serve(script)
    response = await wire.send(stream=source())
    assert closed == [True]
    assert response.status == 413
    assert [piece async for piece in response.body] == [b"big"]
    assert wire.upstream.open_connections == 0
    await wire.served()


async def test_an_early_answer_is_read_to_its_end(wire):
    stopped = asyncio.Event()

    async def source():
        while True:
            yield b"x" * 100_000

    async def script(peer):
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\ntoo")
        await stopped.wait()
        await peer.send(b"big")
        await peer.gone()

    await wire.serve(script)
    response = await wire.send(stream=source(), first_byte=0.05)
    assert await anext(response.body) == b"too"
    asyncio.get_running_loop().call_later(0.1, stopped.set)
    assert await anext(response.body) == b"big"
    assert wire.upstream.open_connections == 0


async def more(peer):
    """What has arrived; a gateway that has left fails the test, and does not keep it waiting."""
    data = await peer.reader.read(1_000_000)
    assert data, "the gateway has left"
    return data


async def test_a_slow_peer_slows_the_source(wire):
    pulled = 0
    go_on = asyncio.Event()

    async def source():
        nonlocal pulled
        for _ in range(300):
            pulled += 1
            yield b"x" * 100_000

    async def script(peer):
        await go_on.wait()
        data = b""
        while not data.endswith(b"\r\n0\r\n\r\n"):
            data = data[-10:] + await more(peer)
        await peer.send(EMPTY)

    await wire.serve(script)
    sending = asyncio.ensure_future(wire.fetch(stream=source()))
    await wire.until(lambda: pulled)
    before = 0
    while pulled != before:
        before = pulled
        for _ in range(50):
            await asyncio.sleep(0)
    assert 0 < pulled < 250
    go_on.set()
    assert await sending == b""
    assert pulled == 300


async def test_a_peer_that_reads_nothing_times_out(wire):
    async def source():
        while True:
            yield b"x" * 100_000

    leave = asyncio.Event()
    await wire.serve(lambda peer: leave.wait())
    with pytest.raises(UpstreamError) as caught:
        await wire.send(stream=source(), first_byte=0.05)
    leave.set()
    assert caught.value.fault is UpstreamFault.FIRST_BYTE_TIMEOUT
    assert wire.upstream.open_connections == 0


async def test_a_source_that_pauses_is_waited_for(wire):
    go_on = asyncio.Event()

    async def source():
        yield b"x" * 10_000_000
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        await go_on.wait()
        yield b"y"

    async def script(peer):
        data = b""
        while not data.endswith(b"y\r\n0\r\n\r\n"):
            data = data[-10:] + await more(peer)
        await peer.send(EMPTY)

    await wire.serve(script)
    assert await wire.fetch(stream=source(), first_byte=0.15) == b""
    assert go_on.is_set()


async def test_the_first_byte_is_awaited_after_the_upload(wire):
    uploaded = asyncio.Event()

    async def source():
        yield b"x"
        await uploaded.wait()
        yield b"y"

    await wire.serve(lambda peer: peer.gone())
    asyncio.get_running_loop().call_later(0.1, uploaded.set)
    with pytest.raises(UpstreamError) as caught:
        await wire.send(stream=source(), first_byte=0.05)
    assert caught.value.fault is UpstreamFault.FIRST_BYTE_TIMEOUT
    assert uploaded.is_set()


async def test_a_peer_that_leaves_ends_the_upload(wire):
    stopped = []

    async def source():
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            stopped.append(True)

    async def script(peer):
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.reset()

    await wire.serve(script)
    pieces = source()
    with pytest.raises(UpstreamError) as caught:
        await wire.send(stream=pieces)
    await pieces.aclose()
    assert caught.value.fault is UpstreamFault.RESET
    assert stopped == [True]


async def test_cancelled_in_the_middle(wire):
    started = asyncio.Event()

    async def source():
        yield b"x"
        started.set()
        await asyncio.Event().wait()

    await wire.serve(lambda peer: peer.gone())
    sending = asyncio.ensure_future(wire.send(stream=source()))
    await started.wait()
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending
    assert sending.cancelled()
    assert wire.upstream.open_connections == 0
    await wire.served()

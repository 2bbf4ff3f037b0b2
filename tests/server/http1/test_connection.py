"""Connections on real sockets: what becomes of bodies that nobody reads, of clients that wait, and of the end."""

import asyncio
import errno
import gc
import socket
import time
import weakref
from contextlib import asynccontextmanager

import pytest

from aigw.server.accept import Acceptor
from aigw.server.http1.connection import MOST_PENDING, Connection
from aigw.server.http1.request import HIGH_WATER
from aigw.server.http1.response import PlainResponse, StreamedResponse
from aigw.server.listen import Listener

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def serving(handler, grace=5.0):
    listener = Listener(handler, grace=grace)
    _, port = await listener.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer, listener
    finally:
        writer.close()
        await listener.stop()


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split(b" ")[1]), await reader.readexactly(length)


async def say_target(http):
    return PlainResponse(200, {}, http.target.encode())


async def test_a_body_that_nobody_reads_does_not_hide_the_next_request():
    async with serving(say_target) as (reader, writer, _):
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        assert await answer(reader) == (200, b"/a")
        writer.write(b"x" * 1_000_000 + GET % b"b")
        assert await answer(reader) == (200, b"/b")


async def test_a_connection_that_is_gone_does_not_wait_for_the_collector():
    peers = []

    async def handler(http):
        peers.append(weakref.ref(http.peer))
        return PlainResponse(200, {}, b"")

    gc.disable()
    try:
        async with serving(handler) as (reader, writer, _):
            writer.write(GET % b"a")
            await answer(reader)
            writer.write(b"POST /b HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
            await answer(reader)
        assert [each() for each in peers] == [None, None]
    finally:
        gc.enable()


async def test_bodies_that_nobody_reads_do_not_add_up():
    async with serving(say_target) as (reader, writer, _):
        for _ in range(2 * HIGH_WATER // 20_000):
            writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000)
            assert await answer(reader) == (200, b"/a")


async def test_what_follows_a_body_that_nobody_reads_has_a_beginning_of_its_own():
    arrivals = []

    async def handler(http):
        arrivals.append(http.peer.arrived)
        return await say_target(http)

    async with serving(handler) as (reader, writer, _):
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
        await answer(reader)
        writer.write(b"body")
        await asyncio.sleep(0.02)  # what follows comes later than the body
        before = time.monotonic()
        writer.write(GET % b"b")
        await answer(reader)
    assert arrivals[1] >= before


async def test_what_follows_an_answer_that_closes_is_not_served(caplog):
    served = []

    async def handler(http):
        served.append(http.target)
        return PlainResponse(413, {"Connection": "close"})

    async with serving(handler) as (reader, writer, _):
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
        assert (await answer(reader))[0] == 413
        writer.write(b"body" + GET % b"b")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert (served, caplog.messages) == (["/a"], [])


async def test_a_client_that_waits_for_leave_may_not_go_on_after_a_refusal():
    """It could send the body, or its next request: nobody knows which."""
    async with serving(say_target) as (reader, writer, _):
        writer.write(b"POST /a HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert await answer(reader) == (200, b"/a")
        writer.write(GET % b"smuggled")
        assert await reader.read() == b""


async def test_many_pipelined_requests_wait_outside():
    may, begun = asyncio.Event(), []

    async def handler(http):
        begun.append(http.target)
        await may.wait()
        return await say_target(http)

    async with serving(handler) as (reader, writer, _):
        many = MOST_PENDING * 20
        for number in range(many):
            writer.write(GET % b"%d" % number)
        may.set()
        assert [await answer(reader) for _ in range(many)] == [(200, b"/%d" % number) for number in range(many)]


async def test_a_pipeline_lets_others_have_their_turn():
    served = []

    async def handler(http):
        served.append(http.target)
        return await say_target(http)

    async with serving(handler) as (reader, writer, _):
        other, others = await asyncio.open_connection(*writer.get_extra_info("peername"))
        others.write(GET % b"other")
        await answer(other)
        writer.write(GET % b"many" * 2000 + GET % b"last")
        others.write(GET % b"other")
        await answer(other)
        others.close()
        assert "/last" not in served
        while (await answer(reader))[1] != b"/last":
            pass


async def test_a_request_that_has_begun_to_arrive_is_answered_though_others_wait_for_room():
    acceptor = Acceptor(lambda: Connection(say_target, acceptor.is_full, acceptor.left), 2)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        acceptor.start(sock, 10)
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        async with asyncio.timeout(10):
            writer.write(GET % b"a" + (GET % b"b")[:-2])
            assert await answer(reader) == (200, b"/a")
            other, others = await asyncio.open_connection(*sock.getsockname())
            others.write(GET % b"other")
            assert await answer(other) == (200, b"/other")
            writer.write(b"\r\n")
            assert await answer(reader) == (200, b"/b")
        writer.close()
        others.close()
        await acceptor.stop()
        await acceptor.gone(10)


async def test_an_unread_body_slows_the_client():
    may, seen = asyncio.Event(), []

    async def handler(http):
        await may.wait()
        size = 0
        while piece := await http.body.read():
            seen.append(len(piece))
            size += len(piece)
        return PlainResponse(200, {}, b"%d" % size)

    async with serving(handler) as (reader, writer, _):
        size = 20_000_000
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        sending = asyncio.ensure_future(writer.drain())
        done, _ = await asyncio.wait([sending], timeout=0.1)
        assert not done
        may.set()
        assert await answer(reader) == (200, b"%d" % size)
        await sending
        assert max(seen) < 4 * HIGH_WATER


class Reset(asyncio.Transport):
    """Its client resets the connection after the last write. The loop learns it later."""

    closed = False

    def write(self, data):
        pass

    writelines = write

    def can_write_eof(self):
        return True

    def write_eof(self):
        raise OSError(errno.ENOTCONN, "not connected")

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    abort = close


async def test_a_client_that_leaves_while_its_connection_is_closed_is_no_bug(caplog):
    connection = Connection(say_target, lambda: False, lambda _: None)
    connection.connection_made(Reset())
    connection.data_received(b"\x16\x03\x01\r\n\r\n")
    async with asyncio.timeout(5):
        while connection.busy:  # noqa: ASYNC110
            await asyncio.sleep(0)
    connection.connection_lost(None)
    assert "not HTTP" in caplog.text
    assert "bug" not in caplog.text


async def test_a_header_that_a_plugin_broke_is_a_500(caplog):
    async def handler(http):
        return PlainResponse(200, {"x": "a\r\nset-cookie: b"}, b"")

    async with serving(handler) as (reader, writer, _):
        writer.write(GET % b"")
        assert (await answer(reader))[0] == 500
        assert await reader.read() == b""
    assert "line break" in caplog.text


async def test_at_the_end_idle_connections_close_and_answers_end():
    may = asyncio.Event()

    async def handler(http):
        await may.wait()
        return await say_target(http)

    async with serving(handler) as (reader, writer, listener):
        writer.write(GET % b"a")
        idle, other = await asyncio.open_connection(*writer.get_extra_info("peername"))
        stopping = asyncio.ensure_future(listener.stop())
        assert await idle.read() == b""
        other.close()
        may.set()
        assert await answer(reader) == (200, b"/a")
        assert await reader.read() == b""
        await stopping


@pytest.mark.parametrize("begun", [True, False])
async def test_what_does_not_end_within_the_grace_is_cut_off(begun):
    async def handler(http):
        response = StreamedResponse(http, 200, http.headers)
        if begun:
            await response.write(b"abc")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert http.peer.stopping
        if begun:
            http.peer.abort()
            return response
        return PlainResponse(503)

    async with serving(handler, grace=0.1) as (reader, writer, listener):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0)
        if begun:
            await reader.readuntil(b"abc\r\n")
        else:
            await answer_begins(listener)
        await listener.stop()
        if begun:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        else:
            assert (await answer(reader))[0] == 503


async def answer_begins(listener):
    """Returns when a handler runs."""
    busy = []
    while not any(busy):
        await asyncio.sleep(0.01)
        busy.clear()
        listener._acceptor.each(lambda connection: busy.append(connection.busy))

"""The body of a request: read as it arrives, dropped, broken, and read again after a cancelled read."""

import asyncio

import pytest
from http_peer import Peer

from aigw.server.http1.request import IncomingBody


async def test_what_has_arrived_is_one_piece():
    peer = Peer()
    body = IncomingBody(peer)
    peer.unread = body.feed(b"ab") + body.feed(b"cd")
    assert (body.size, peer.unread) == (4, 4)
    assert await body.read() == b"abcd"
    assert (body.size, peer.unread) == (0, 0)
    body.feed(b"e")
    body.end()
    assert [await body.read(), await body.read()] == [b"e", b""]


async def test_a_cancelled_read_loses_nothing():
    body = IncomingBody(Peer())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await body.read()
    body.feed(b"x")
    assert await body.read() == b"x"


async def test_it_breaks_behind_what_has_arrived():
    body = IncomingBody(Peer())
    body.feed(b"x")
    body.fail(ValueError("broken"))
    assert await body.read() == b"x"
    with pytest.raises(ValueError, match="broken"):
        await body.read()
    await body.ended()


async def test_what_is_dropped_is_not_kept():
    peer = Peer()
    body = IncomingBody(peer)
    peer.unread = body.feed(b"x")
    body.drop()
    assert (peer.unread, body.size, body.feed(b"y")) == (0, 0, 0)
    ended = asyncio.ensure_future(body.ended())
    await asyncio.sleep(0)
    assert not ended.done()
    body.end()
    await ended

"""A body as it arrives: all that is there at once, and then its proper end, or what went wrong."""

import pytest

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.upstream.body import Body, arrived

GONE = UpstreamError(UpstreamFault.RESET, "gone")


class Wire:
    """Feeds the body when a reader waits: bytes, None for the end, or an error."""

    def __init__(self, *script):
        self.script = list(script)
        self.paused = False
        self.resumed = self.dropped = 0
        self.body = Body(self)

    async def wait_for_more(self):
        step = self.script.pop(0)
        if isinstance(step, bytes):
            self.body.feed(step)
        else:
            self.body.end(step)

    def resume(self):
        self.resumed += 1

    def drop(self):
        self.dropped += 1


async def test_what_arrived_is_one_piece():
    wire = Wire(b"c", None)
    wire.body.feed(b"a")
    wire.body.feed(b"b")
    assert wire.body.size == 2
    assert [piece async for piece in wire.body] == [b"ab", b"c"]
    assert wire.body.size == 0


async def test_an_error_comes_behind_the_bytes_and_stays():
    wire = Wire()
    wire.body.feed(b"a")
    wire.body.end(GONE)
    assert await anext(wire.body) == b"a"
    for _ in range(2):
        with pytest.raises(UpstreamError, match="gone"):
            await anext(wire.body)


async def test_reading_lets_a_paused_connection_go_on():
    wire = Wire(b"b", None)
    wire.paused = True
    wire.body.feed(b"a")
    await anext(wire.body)
    assert wire.resumed == 1
    wire.body.end(None)
    with pytest.raises(StopAsyncIteration):
        await anext(wire.body)
    assert wire.resumed == 1


async def test_closing_before_the_end_drops_the_connection_once():
    wire = Wire()
    wire.body.feed(b"unread")
    for _ in range(2):
        await wire.body.aclose()
    assert (wire.dropped, wire.body.size) == (1, 0)
    with pytest.raises(UpstreamError, match="closed before its end"):
        await anext(wire.body)


async def test_closing_behind_the_end_leaves_the_connection_alone():
    wire = Wire()
    wire.body.feed(b"unread")
    wire.body.end(None)
    await wire.body.aclose()
    assert wire.dropped == 0
    with pytest.raises(StopAsyncIteration):
        await anext(wire.body)


async def test_a_body_that_is_there_as_a_whole_can_be_taken_at_once():
    wire = Wire()
    wire.body.feed(b"a")
    wire.body.feed(b"b")
    wire.body.end(None)
    assert arrived(wire.body) == b"ab"
    assert [piece async for piece in wire.body] == []
    await wire.body.aclose()
    assert wire.dropped == 0


@pytest.mark.parametrize("end", [(), (GONE,)])
async def test_a_body_that_goes_on_or_broke_off_cannot(end):
    wire = Wire(None)
    wire.body.feed(b"a")
    for error in end:
        wire.body.end(error)
    assert arrived(wire.body) is None
    assert await anext(wire.body) == b"a"

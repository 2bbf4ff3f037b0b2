"""Bodies that are made in this process: read to their end, or closed before it, they leave nothing behind."""

import asyncio

import pytest

from aigw.upstream.local import LocalBody, whole


async def test_a_body_of_one_piece():
    assert [piece async for piece in whole(b"abc")] == [b"abc"]


async def test_closing_ends_what_makes_it_and_reading_it():
    ended = []

    async def pieces():
        try:
            yield b"a"
            yield b"b"
        finally:
            ended.append(True)

    body = LocalBody(pieces())
    assert await anext(body) == b"a"
    for _ in range(2):
        await body.aclose()
    assert ended == [True]
    with pytest.raises(StopAsyncIteration):
        await anext(body)


async def test_closing_while_somebody_reads_is_no_error():
    begun = asyncio.Event()

    async def pieces():
        begun.set()
        await asyncio.Event().wait()
        yield b"never"

    body = LocalBody(pieces())
    reading = asyncio.create_task(anext(body))
    await begun.wait()
    await body.aclose()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

"""aigw/upstream/standin.py: functions that answer in place of a service, behind the seam of all transports."""

import asyncio
import json

import pytest
from fakes import chat

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Target, Timeouts
from aigw.upstream.standin import StandinAnswer, StandinUpstream


async def echo(request):
    return StandinAnswer(201, {"Content-Type": "text/plain", "X-Path": request.target}, request.body)


def target(name, seconds=5.0):
    return Target(Origin("standin", name, 0), name, Timeouts(first_byte=seconds))


async def test_a_function_answers_under_its_name():
    upstream = StandinUpstream({"echo.dns": echo})
    response = await upstream.send(chat({"a": 1}, path="/v1/x"), target("echo.dns"))
    assert (response.status, response.headers["x-path"]) == (201, "/v1/x")
    assert json.loads(b"".join([piece async for piece in response.body])) == {"a": 1}
    await response.body.aclose()
    await upstream.aclose()


async def test_an_answer_may_come_piece_by_piece_and_ends_when_it_is_closed():
    ended = []

    async def count(request):
        async def pieces():
            try:
                for number in range(9):
                    yield b"%d" % number
            finally:
                ended.append(True)

        return StandinAnswer(200, {}, pieces())

    response = await StandinUpstream({"count": count}).send(chat({}), target("count"))
    assert [await response.body.__anext__() for _ in range(2)] == [b"0", b"1"]
    assert ended == []
    await response.body.aclose()
    assert ended == [True]
    with pytest.raises(StopAsyncIteration):
        await response.body.__anext__()


async def test_a_name_without_a_function_is_an_error_that_names_those_with_one():
    upstream = StandinUpstream({"echo.dns": echo})
    with pytest.raises(UpstreamError, match=r"standin://else: there is no such stand-in, only echo\.dns") as caught:
        await upstream.send(chat({}), target("else"))
    assert caught.value.fault is UpstreamFault.CONNECT


async def test_one_that_takes_too_long_ends_as_a_service_would():
    async def hang(request):
        await asyncio.Event().wait()

    with pytest.raises(UpstreamError, match=r"standin://hang: no answer in 0.01 s") as caught:
        await StandinUpstream({"hang": hang}).send(chat({}), target("hang", 0.01))
    assert caught.value.fault is UpstreamFault.FIRST_BYTE_TIMEOUT

"""A provider writes more behind the last event, and the client has left."""

import asyncio

import pytest
from fakes import Answer, FakeUpstream, chat, make_exchange

from aigw.core.layers import Outcome
from aigw.core.model import Origin, Route, Target
from aigw.dialects.sse import Event
from aigw.pipeline.forward import Forward
from aigw.server.delivered import had_all

ROUTE = Route("r", "", Target(Origin("http", "up", 80), "up.test"))
GONE = ConnectionResetError()
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
DONE, MORE = b"data: [DONE]\n\n", b": more\n\n"


class Endless(FakeUpstream):
    """After its pieces it stays open."""

    async def send(self, request, target):
        response = await super().send(request, target)
        response.body = Open(response.body)
        return response


class Open:
    def __init__(self, body):
        self._body = body

    async def __anext__(self):
        try:
            return await self._body.__anext__()
        except StopAsyncIteration:
            await asyncio.get_running_loop().create_future()

    async def aclose(self):
        await self._body.aclose()


@pytest.mark.parametrize("upstream", [FakeUpstream, Endless])
@pytest.mark.parametrize(
    ("pieces", "unsent", "error", "complete"),
    [
        ([FINISH, DONE], MORE, GONE, True),
        ([FINISH, DONE, MORE, MORE], MORE, GONE, True),
        ([FINISH], DONE, GONE, False),
        ([TEXT], TEXT, GONE, False),
        ([FINISH, DONE], MORE, ValueError(), False),
    ],
)
async def test_who_had_the_last_event_had_all(upstream, pieces, unsent, error, complete):
    exchange = make_exchange(chat({"stream": True}), route=ROUTE)
    answer = Answer(headers={"content-type": "text/event-stream"}, pieces=pieces)
    reply = await Forward(upstream(answer), judges_ends=True)(exchange)
    ends = []
    reply.tap(None, ends.append)
    for _ in pieces[:2]:
        await anext(aiter(reply))
    assert await had_all(exchange, reply, (Event(unsent),), error) == complete
    await exchange.aclose()
    assert ends == [Outcome.COMPLETE if complete else Outcome.ABORTED]

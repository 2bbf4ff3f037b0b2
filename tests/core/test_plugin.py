"""A limit that holds an estimate before the call and settles after the last byte, as a small plugin: the contract must tell it the end
of every request exactly once, whichever way it ends, or a burst would pass and a lost request would hold its share for ever."""

import asyncio

import pytest
from fakes import Answer, FakeUpstream, chat, events, make_exchange

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.layers import Outcome
from aigw.core.model import DEFAULT_TIMEOUTS, Origin, Route, Target
from aigw.core.plugin import compose
from aigw.pipeline.forward import Forward

ESTIMATE, USED, LIMIT = 10, 4, 100
ROUTE = Route("r", "", Target(Origin("http", "up", 80), "up", DEFAULT_TIMEOUTS))
RESET = UpstreamError(UpstreamFault.RESET, "reset")
SSE = {"content-type": "text/event-stream"}


class Limit:
    """Admits a call while what is spent and what is held is within the limit."""

    def __init__(self):
        self.held = self.spent = self.most = 0
        self.settled = []

    async def __call__(self, exchange, call_next):
        if self.spent + self.held + ESTIMATE > LIMIT:
            return exchange.reply(b"too many", status=429)
        self.held += ESTIMATE
        self.most = max(self.most, self.spent + self.held)
        try:
            reply = await call_next(exchange)
        except BaseException:
            self.settle(0)
            raise
        return reply.tap(on_end=lambda outcome: self.settle(0 if outcome is Outcome.FAILED else USED))

    def settle(self, used):
        self.held -= ESTIMATE
        self.spent += used
        self.settled.append(used)


async def play(limit, answer, read=lambda reply: reply.body()):
    exchange = make_exchange(chat({}), route=ROUTE)
    try:
        reply = await compose([limit], Forward(FakeUpstream(answer)))(exchange)
        await read(reply)
        return reply.status
    finally:
        await exchange.aclose()


async def test_a_burst_cannot_pass():
    limit = Limit()
    statuses = await asyncio.gather(*(play(limit, events({"a": 1})) for _ in range(32)))
    assert limit.most <= LIMIT
    assert limit.held == 0
    assert statuses.count(200) == len(limit.settled)
    assert limit.spent == USED * statuses.count(200)


async def nothing(reply):
    pass


async def one_batch(reply):
    await anext(aiter(reply))


@pytest.mark.parametrize(
    "answer, read, used",
    [
        (events({"a": 1}), lambda reply: reply.body(), USED),
        (events({"a": 1}), one_batch, USED),
        (events({"a": 1}), nothing, USED),
        (Answer(headers=SSE, pieces=[b"data: 1\n\n", RESET]), lambda reply: reply.body(), 0),
        (Answer(error=RESET), nothing, 0),
    ],
    ids=["complete", "client left in the middle", "client left at once", "upstream broke", "no upstream"],
)
async def test_every_end_settles_once(answer, read, used):
    limit = Limit()
    try:
        await play(limit, answer, read)
    except UpstreamError:
        assert used == 0
    assert (limit.held, limit.settled) == (0, [used])


async def test_an_outer_plugin_that_fails_settles_as_well():
    limit = Limit()

    async def outer(exchange, call_next):
        await call_next(exchange)
        raise RuntimeError("outer")

    exchange = make_exchange(chat({}), route=ROUTE)
    with pytest.raises(RuntimeError):
        await compose([outer, limit], Forward(FakeUpstream(events({"a": 1}))))(exchange)
    await exchange.aclose()
    assert (limit.held, limit.settled) == (0, [USED])

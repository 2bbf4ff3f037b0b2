"""An answer is shown to the watchers of its exchange as it arrives, and read as far as it came if it ends before."""

import asyncio
import json

import pytest
from fakes import Answer, FakeUpstream, WordCounter, chat, events, make_exchange, terminal
from scripted_source import Source

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.layers import Outcome
from aigw.core.model import Origin, Route, Target
from aigw.metering.meter import ReadOfProvider
from aigw.pipeline.watching import Watched

ROUTE = Route("test", "", Target(Origin("http", "127.0.0.1", 1), ""))
BODY = json.dumps(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "one two three four"}}]}
).encode()
BROKEN = UpstreamError(UpstreamFault.RESET, "broke")
PIECES = [BODY[start : start + 10] for start in range(0, len(BODY), 10)]


class Watcher:
    def __init__(self, at=1, error=None):
        self.at = at
        self.error = error
        self.seen = []

    async def look(self, answer):
        self.seen.append(answer.output_so_far)
        if self.error is not None and self.seen[-1] > 1:
            raise self.error


async def asked(answer, *watchers, provider="openai"):
    exchange = make_exchange(chat({"model": "m", "messages": [{"role": "user", "content": "a b"}]}), route=ROUTE)
    exchange.watchers = watchers
    exchange.provider = provider
    return exchange, await terminal(FakeUpstream(answer))(exchange)


@pytest.mark.parametrize("provider", ["openai", ""])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
async def test_a_plain_answer_is_seen_before_it_is_whole(kind, provider):
    watcher = Watcher()
    _, reply = await asked(Answer(headers={"content-type": kind}, pieces=PIECES), watcher, provider=provider)
    assert (await reply.whole(10_000)).raw == BODY
    assert watcher.seen[0] == 0
    assert watcher.seen[-1] == 4
    assert watcher.seen == sorted(watcher.seen)
    assert len(watcher.seen) > 5


async def test_a_watcher_looks_from_its_size_on():
    watcher = Watcher(at=len(BODY))
    _, reply = await asked(Answer(pieces=PIECES), watcher)
    await reply.body()
    assert watcher.seen == [4]


async def test_the_end_of_a_stream_is_not_looked_at():
    watcher = Watcher()
    _, reply = await asked(
        events({"choices": [{"index": 0, "delta": {"content": "one"}, "finish_reason": "stop"}]}), watcher
    )
    await reply.body()
    assert len(watcher.seen) == 1


async def test_nobody_who_watches_costs_nothing():
    _, watched = await asked(Answer(pieces=PIECES), Watcher())
    _, reply = await asked(Answer(pieces=PIECES))
    assert type(watched._source).__name__ == "Watched"
    assert type(reply._source).__name__ == "ByteSource"


async def test_an_answer_that_ends_before_is_not_free():
    exchange, reply = await asked(Answer(pieces=[*PIECES[:-1], BROKEN]), Watcher())
    with pytest.raises(UpstreamError):
        await reply.whole(10_000)
    spent = await ReadOfProvider(exchange, WordCounter()).spent(Outcome.FAILED)
    assert (spent.usage.input, spent.usage.output, spent.usage.source) == (2, 4, "estimated")


async def test_an_answer_whose_client_left_is_not_free():
    exchange, _ = await asked(Answer(), Watcher())
    watched = Watched(
        Source([BODY[:-5]], fail=asyncio.CancelledError()),
        exchange,
        lambda: exchange.wire.reader(exchange.asked, streaming=False),
    )
    await watched.__anext__()
    with pytest.raises(asyncio.CancelledError):
        await watched.__anext__()
    spent = await ReadOfProvider(exchange, WordCounter()).spent(Outcome.ABORTED)
    assert (spent.usage.input, spent.usage.output) == (2, 4)


async def test_a_watcher_may_break_it_off():
    error = GatewayError(402, "used up")
    exchange, reply = await asked(Answer(pieces=PIECES), Watcher(error=error))
    with pytest.raises(GatewayError, match="used up"):
        await reply.whole(10_000)
    spent = await ReadOfProvider(exchange, WordCounter()).spent(Outcome.FAILED)
    assert 0 < spent.usage.output < 4


@pytest.mark.parametrize(("declared", "seen"), [(0, []), (10, [4]), (-10, [4])])
async def test_the_end_of_an_answer_whose_length_is_known_is_not_looked_at(declared, seen):
    watcher = Watcher(at=len(BODY))
    headers = {"content-type": "application/json", "content-length": str(len(BODY) + declared)}
    _, reply = await asked(Answer(headers=headers, pieces=PIECES), watcher)
    await reply.body()
    assert watcher.seen == seen

"""Observers and decoders in one list, and what each is told."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_source import Source, exchange

from aigw.core.layers import Layers, Observer, Outcome
from aigw.core.model import Burst, Chunk, raw_of
from aigw.core.pace import LARGE


class Upper:
    """Rewrites all, holds back what is `x`, and adds a last batch."""

    def __init__(self, last=b"END", fail=b"!"):
        self._last = last
        self._fail = fail

    def feed(self, batch):
        raw = raw_of(batch)
        if self._fail in raw:
            raise ValueError("cannot be rewritten")
        return [] if raw == b"x" else [Chunk(raw.upper())]

    def end(self):
        return [Chunk(self._last)] if self._last else []


def of(reply, *kinds):
    """Adds a layer of each kind, and returns what each observer saw."""
    seen = []
    for kind in kinds:
        if kind == "observer":
            told = []
            seen.append(told)
            reply.tap(lambda batch, told=told: told.append(raw_of(batch)), told.append)
        else:
            reply.decode(Upper(b"end" if kind == "adds" else b""))
    return seen


async def read(reply):
    return [raw_of(batch) async for batch in reply]


KINDS = st.lists(st.sampled_from(["observer", "adds", "rewrites"]), max_size=4)
PIECES = st.lists(st.sampled_from([b"a", b"b", b"x"]), max_size=4)


def expected(kinds, pieces):
    """What the client gets and what each observer sees, layer by layer."""
    seen, passing = [], list(pieces)
    for kind in kinds:
        if kind == "observer":
            seen.append([*passing, Outcome.COMPLETE])
        else:
            passing = [raw.upper() for raw in passing if raw != b"x"] + ([b"end"] if kind == "adds" else [])
    return passing, seen


@given(KINDS, PIECES)
def test_each_layer_sees_what_those_before_it_left(kinds, pieces):
    reply = exchange().reply(Source(*([piece] for piece in pieces)))
    seen = of(reply, *kinds)
    assert (asyncio.run(read(reply)), seen) == expected(kinds, pieces)


@given(KINDS, KINDS, PIECES)
def test_layers_that_are_added_after_a_look_ahead_see_all(before, after, pieces):
    async def look():
        reply = exchange().reply(Source(*([piece] for piece in pieces)))
        seen = of(reply, *before)
        ahead, more = await reply.first(lambda batch: True)
        seen += of(reply, *after)
        return [chunk.raw for chunk in ahead], more, await read(reply), seen

    ahead, more, shown, seen = asyncio.run(look())
    inner, _ = expected(before, pieces)
    assert (ahead, more) == (inner[:1], bool(inner))
    assert (shown, seen) == expected([*before, *after], pieces)


async def test_a_decoder_that_fails_fails_the_answer_for_those_behind_it():
    ex = exchange()
    reply = ex.reply(Source([b"a"], [b"!"], [b"b"]))
    inner, outer = of(reply, "observer", "rewrites", "observer")
    with pytest.raises(ValueError, match="cannot be rewritten"):
        await read(reply)
    await ex.aclose()
    assert (inner, outer) == ([b"a", b"!", Outcome.ABORTED], [b"A", Outcome.FAILED])


async def test_an_end_that_fails_fails_the_answer_for_those_behind_it():
    class Broken(Upper):
        def end(self):
            raise ValueError("no end")

    inner, outer = [], []
    layers = Layers(Source([b"a"]))
    layers.add(Observer(None, inner.append))
    layers.add(Broken())
    layers.add(Observer(None, outer.append))
    assert raw_of(await anext(layers)) == b"A"
    with pytest.raises(ValueError, match="no end"):
        await anext(layers)
    assert (inner, outer) == ([Outcome.COMPLETE], [Outcome.FAILED])


async def test_who_stands_behind_a_last_batch_learns_of_the_end_after_it():
    reply = exchange().reply(Source([b"a"]))
    inner, outer = of(reply, "observer", "adds", "observer")
    batches = aiter(reply)
    assert [raw_of(await anext(batches)) for _ in range(2)] == [b"A", b"end"]
    assert (inner[-1], outer[-1]) == (Outcome.COMPLETE, b"end")
    with pytest.raises(StopAsyncIteration):
        await anext(batches)
    assert outer[-1] is Outcome.COMPLETE


async def test_a_closed_reply_shows_nothing_that_was_read_ahead():
    ex = exchange()
    reply = ex.reply(Source([b"a"], [b"b"]))
    (seen,) = of(reply, "observer")
    await reply.first(lambda batch: True)
    await ex.aclose()
    assert seen == [b"a", Outcome.ABORTED]


class Large(Source):
    """A source of one large batch."""

    async def __anext__(self):
        if not self.batches:
            raise StopAsyncIteration
        return Burst(self.batches.pop(), lambda raw: [Chunk(raw)])


async def test_what_is_large_passes_the_layers_in_a_thread_and_its_end_is_told_in_the_loops():
    here, seen, told = threading.get_ident(), [], []
    reply = exchange().reply(Large(b"a" * (LARGE + 1)))
    reply.tap(lambda batch: seen.append(threading.get_ident()), lambda outcome: told.append(threading.get_ident()))
    await reply.first(lambda batch: seen.append(threading.get_ident()) is None)
    reply.decode(Upper())
    assert await read(reply) == [b"A" * (LARGE + 1), b"END"]
    assert here not in seen and len(seen) == 2 and told == [here]


async def test_a_layer_that_fails_in_the_thread_fails_the_answer_in_the_loops():
    here, told = threading.get_ident(), []
    reply = exchange().reply(Large(b"!" * (LARGE + 1)))
    reply.decode(Upper())
    reply.tap(None, lambda outcome: told.append((outcome, threading.get_ident())))
    with pytest.raises(ValueError, match="cannot be rewritten"):
        await read(reply)
    assert told == [(Outcome.FAILED, here)]

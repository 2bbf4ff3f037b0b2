"""The contract's pitfalls, each with a small plugin or source of its own."""

import asyncio

import pytest
from scripted_source import Source, exchange

from aigw.core.layers import Outcome
from aigw.core.model import Chunk, raw_of
from aigw.core.plugin import compose


class Endless(Source):
    async def __anext__(self):
        await asyncio.Event().wait()


async def drain(reply):
    return [[chunk.raw for chunk in batch] async for batch in reply]


async def test_a_reply_that_nobody_read_is_closed_and_told_aborted():
    source, ends = Source([b"a"]), []
    ex = exchange()
    ex.reply(source).tap(on_end=ends.append)
    await ex.aclose()
    assert source.closed == 1
    assert ends == [Outcome.ABORTED]


async def test_an_outer_plugin_that_raises_does_not_leak_the_inner_reply():
    source = Source([b"a"])

    async def terminal(ex):
        return ex.reply(source)

    async def outer(ex, call_next):
        await call_next(ex)
        raise RuntimeError("outer")

    ex = exchange()
    with pytest.raises(RuntimeError):
        await compose([outer], terminal)(ex)
    await ex.aclose()
    assert source.closed == 1


@pytest.mark.parametrize(
    "source, outcome",
    [(Source([b"a"]), Outcome.COMPLETE), (Source([b"a"], fail=OSError("reset")), Outcome.FAILED)],
)
async def test_the_end_is_told_once_with_its_outcome(source, outcome):
    ends = []
    ex = exchange()
    reply = ex.reply(source).tap(on_end=ends.append)
    try:
        await drain(reply)
    except OSError:
        assert outcome is Outcome.FAILED
    await ex.aclose()
    assert ends == [outcome]


async def test_cancelling_the_reader_is_aborted():
    ends = []
    ex = exchange()
    reply = ex.reply(Endless()).tap(on_end=ends.append)
    task = asyncio.create_task(drain(reply))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ex.aclose()
    assert ends == [Outcome.ABORTED]


async def test_an_observer_with_a_bug_never_breaks_the_stream(caplog):
    def bad(chunk):
        raise KeyError("bug")

    def bad_end(outcome):
        raise KeyError("bug at the end")

    ex = exchange()
    reply = ex.reply(Source([b"a"], [b"b"])).tap(bad, bad_end)
    assert await drain(reply) == [[b"a"], [b"b"]]
    assert "bug at the end" in caplog.text


async def test_a_failed_rewriter_leaks_nothing():
    async def redact(batches):
        async for batch in batches:
            if any(b"secret" in chunk.raw for chunk in batch):
                raise RuntimeError("cannot redact")
            yield batch

    source = Source([b"fine"], [b"secret"])
    ex = exchange()
    seen = []
    with pytest.raises(RuntimeError):
        async for batch in ex.reply(source).through(redact):
            seen += [chunk.raw for chunk in batch]
    assert seen == [b"fine"]
    await ex.aclose()
    assert source.closed == 1


async def test_layers_see_what_the_inner_ones_let_through():
    async def upper(batches):
        async for batch in batches:
            yield [Chunk(chunk.raw.upper()) for chunk in batch]

    inner, outer = [], []
    ex = exchange()
    reply = ex.reply(Source([b"a", b"b"])).tap(lambda batch: inner.append(raw_of(batch))).through(upper)
    reply.tap(lambda batch: outer.append(raw_of(batch)))
    assert await drain(reply) == [[b"A", b"B"]]
    assert (inner, outer) == ([b"ab"], [b"AB"])


async def test_a_layer_of_ones_own_may_wait_and_changes_nothing():
    class Waiting:
        def __init__(self, source):
            self._source = source

        def __aiter__(self):
            return self

        async def __anext__(self):
            await asyncio.sleep(0)
            return await self._source.__anext__()

        async def aclose(self):
            await self._source.aclose()

    source = Source([b"a"], [b"b"])
    ex = exchange()
    reply = ex.reply(source, headers={"content-length": "2"}).within(Waiting)
    assert (reply.headers["content-length"], reply.rewriters) == ("2", 0)
    assert await drain(reply) == [[b"a"], [b"b"]]
    await ex.aclose()
    assert source.closed == 1


async def test_reading_the_first_batch_ahead_loses_nothing():
    ex = exchange()
    reply = ex.reply(Source([b"a"], [b"b"]))
    assert _raw(await reply.first(bool)) == ([b"a"], True)
    assert await drain(reply) == [[b"a"], [b"b"]]

    later = ex.reply(Source([b": ping"], [b"b"], [b"c"]))
    assert _raw(await later.first(lambda batch: batch[0].raw == b"b")) == ([b": ping", b"b"], True)
    assert await drain(later) == [[b": ping", b"b"], [b"c"]]

    never = ex.reply(Source([b": ping"]))
    assert _raw(await never.first(lambda batch: False)) == ([b": ping"], False)
    assert await drain(never) == [[b": ping"]]


def _raw(found):
    head, more = found
    return [chunk.raw for chunk in head], more


class Stuck(Source):
    """Waits after its batches until it is told to go on."""

    def __init__(self, *batches):
        super().__init__(*batches)
        self.go_on = asyncio.Event()

    async def __anext__(self):
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            await self.go_on.wait()
            raise


@pytest.mark.parametrize("leaves", [True, False])
async def test_what_is_held_back_is_given_out_in_time_and_nothing_is_broken_off(leaves):
    ends = []
    ex = exchange()
    source = Stuck([b": ping"])
    reply = ex.reply(source).tap(None, ends.append)
    assert _raw(await reply.first(lambda batch: False, 0.01)) == ([b": ping"], True)
    assert [chunk.raw for chunk in await anext(aiter(reply))] == [b": ping"]
    assert ends == []
    if not leaves:
        source.go_on.set()
        assert await drain(reply) == []
    await ex.aclose()
    assert ends == [Outcome.ABORTED if leaves else Outcome.COMPLETE]


async def test_whole_makes_one_chunk_within_its_limit():
    ex = exchange()
    reply = ex.reply(Source([b"a"], [b"b"]))
    assert (await reply.whole(2)).raw == b"ab"
    assert reply.single
    assert await drain(reply) == [[b"ab"]]

    large = ex.reply(Source([b"aaa"], [b"b"]))
    assert await large.whole(2) is None
    assert b"".join(raw for batch in await drain(large) for raw in batch) == b"aaab"

"""The contract's pitfalls, each with a small plugin or source of its own."""

import asyncio

import pytest
from multidict import CIMultiDict

from aigw.core.exchange import Exchange
from aigw.core.model import Chunk, Request, Route, raw_of
from aigw.core.plugin import compose
from aigw.core.reply import Outcome
from aigw.dialects import apis
from aigw.dialects.table import dialect_of


class Source:
    """A scripted source that counts how often it was closed."""

    def __init__(self, *batches, fail=None):
        self.batches = list(batches)
        self.fail = fail
        self.closed = 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.batches:
            return [Chunk(raw, raw) for raw in self.batches.pop(0)]
        if self.fail:
            raise self.fail
        raise StopAsyncIteration

    async def aclose(self):
        self.closed += 1


class Endless(Source):
    async def __anext__(self):
        await asyncio.Event().wait()


def exchange(jobs=None):
    request = Request("POST", "/v1/chat/completions", "", CIMultiDict())
    return Exchange(
        id="x",
        request=request,
        route=Route("r"),
        api=apis.CHAT,
        dialect=dialect_of(apis.CHAT),
        client="",
        arrived=0.0,
        jobs=set() if jobs is None else jobs,
    )


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


async def test_every_attempt_is_closed_newest_first():
    order = []

    class Named(Source):
        def __init__(self, name):
            super().__init__([b"x"])
            self.name = name

        async def aclose(self):
            order.append(self.name)

    ex = exchange()
    ex.reply(Named("first"))
    ex.reply(Named("second"))
    await ex.aclose()
    assert order == ["second", "first"]


async def test_a_close_that_fails_does_not_stop_the_others(caplog):
    class Bad(Source):
        async def aclose(self):
            raise RuntimeError("cannot close")

    good = Source()
    ex = exchange()
    ex.reply(good)
    ex.reply(Bad())
    await ex.aclose()
    assert good.closed == 1
    assert "cannot close" in caplog.text


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
    assert [chunk.raw for chunk in await reply.first(bool)] == [b"a"]
    assert await drain(reply) == [[b"a"], [b"b"]]

    later = ex.reply(Source([b": ping"], [b"b"], [b"c"]))
    assert [chunk.raw for chunk in await later.first(lambda batch: batch[0].raw == b"b")] == [b"b"]
    assert await drain(later) == [[b": ping", b"b"], [b"c"]]

    never = ex.reply(Source([b": ping"]))
    assert list(await never.first(lambda batch: False)) == []
    assert await drain(never) == [[b": ping"]]


async def test_whole_makes_one_chunk_within_its_limit():
    ex = exchange()
    reply = ex.reply(Source([b"a"], [b"b"]))
    assert (await reply.whole(2)).raw == b"ab"
    assert reply.single
    assert await drain(reply) == [[b"ab"]]

    large = ex.reply(Source([b"aaa"], [b"b"]))
    assert await large.whole(2) is None
    assert b"".join(raw for batch in await drain(large) for raw in batch) == b"aaab"


async def test_deferred_jobs_run_after_the_end_and_survive_cancellation():
    jobs, done = set(), asyncio.Event()

    async def job(value):
        done.set()

    async def request():
        ex = exchange(jobs)
        ex.defer(job, 1)
        try:
            await asyncio.Event().wait()
        finally:
            await ex.aclose()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(done.wait(), 1)
    await asyncio.gather(*jobs)
    assert not jobs


async def test_a_closed_exchange_settles_when_its_own_jobs_are_done():
    may_end, done = asyncio.Event(), []

    async def job(name):
        await may_end.wait()
        done.append(name)

    async def never():
        await asyncio.Event().wait()

    jobs = {asyncio.ensure_future(never())}  # another exchange's
    one = exchange(jobs)
    one.defer(job, "first")
    one.defer(job, "second")
    await one.aclose()
    settling = asyncio.ensure_future(one.settled())
    await asyncio.sleep(0)
    assert not settling.done()
    may_end.set()
    await settling
    assert done == ["first", "second"]
    await exchange().settled()
    for other in jobs:
        other.cancel()


async def test_a_deferred_job_that_fails_is_logged(caplog):
    async def job():
        raise RuntimeError("store is gone")

    ex = exchange()
    ex.defer(job)
    await ex.aclose()
    await ex.settled()
    assert "store is gone" in caplog.text


async def test_the_original_request_stays_as_it_was():
    request = Request("POST", "/p", "", CIMultiDict({"a": "1", "content-type": "application/json"}), b'{"model":"m"}')
    ex = Exchange(
        id="x",
        request=request,
        route=Route("r"),
        api=apis.CHAT,
        dialect=dialect_of(apis.CHAT),
        client="",
        arrived=0.0,
        jobs=set(),
    )
    ex.request.headers["a"] = "2"
    ex.request.document.set("model", "n")
    ex.request.seal()
    assert ex.original.headers["a"] == "1"
    assert ex.original.body == b'{"model":"m"}'
    assert ex.request.body == b'{"model":"n"}'

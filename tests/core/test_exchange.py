"""A request and all that was opened for it: everything is closed, and then the deferred jobs run."""

import asyncio
import gc
from weakref import ref

import pytest
from multidict import CIMultiDict
from scripted_source import Source, exchange

from aigw.core.exchange import Exchange, current
from aigw.core.model import Request, Route
from aigw.dialects import apis
from aigw.dialects.table import dialect_of


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
    await asyncio.sleep(0)  # a job that has ended leaves the set in the next turn of the loop
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


async def test_a_plain_function_runs_after_the_end_and_its_failure_is_logged(caplog):
    done = []

    def fails():
        raise RuntimeError("no room")

    ex = exchange()
    ex.soon(fails)
    ex.soon(done.append, 1)
    await ex.aclose()
    assert not done, "whoever closes it has still to write the answer"
    await ex.settled()
    assert done == [1]
    assert "no room" in caplog.text


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


async def test_a_deferred_job_still_works_for_its_exchange():
    jobs, seen = set(), []

    async def job():
        await asyncio.sleep(0)
        gc.collect()
        seen.append(current.get()())

    async def request():
        ex = exchange(jobs)
        current.set(ref(ex))
        ex.defer(job)
        await ex.aclose()
        return id(ex)

    number = await asyncio.create_task(request())
    await asyncio.gather(*jobs)
    assert [id(each) for each in seen] == [number]


async def test_a_closed_exchange_leaves_no_circle_with_those_who_watched_it():
    class Watcher:
        def __init__(self, watched):
            self.watched = watched

    gc.disable()
    try:
        ex = exchange()
        ex.watchers = (Watcher(ex),)
        gone = ref(ex)
        await ex.aclose()
        del ex
        assert gone() is None
    finally:
        gc.enable()

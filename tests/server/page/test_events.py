"""Requests as they pass: each reader sees all of them or is told how many not, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from http_peer import Peer
from msgspec.structs import replace
from multidict import CIMultiDict
from usage_rows import FULL

from aigw.books.numbered_rows import Recent
from aigw.core.stores import StoreError
from aigw.server.http1.request import HttpRequest
from aigw.server.page.events import Events
from aigw.server.page.new_requests import MOST_AT_ONCE
from aigw.server.page.recent_details import RecentDetails
from aigw.server.page.requests import Requests
from aigw.server.page.watch import Watch


class Rows:
    """A file of usage in memory."""

    def __init__(self):
        self.rows = []
        self.broken = False

    def write(self, number):
        self.rows += [replace(FULL, id=f"r{len(self.rows) + n}") for n in range(1, number + 1)]

    def recent(self, after, most):
        if self.broken:
            raise StoreError("no disk")
        last = len(self.rows)
        after = after if after <= last else 0
        rows = list(enumerate(self.rows, 1))[after:]
        newest = rows[-most:] if most else []
        return Recent(last, newest, len(rows) - len(newest))


@asynccontextmanager
async def reading():
    """A file, and a function that returns the events of a new reader."""
    rows = Rows()
    watch = Watch(RecentDetails())
    events = Events(Requests(rows, watch.kept), watch)

    @asynccontextmanager
    async def reader(after=None):
        async with events._reading(HttpRequest(Peer(), "GET", "/", "1.1", CIMultiDict())):
            found = events._events(after)
            try:
                yield found
            finally:
                await found.aclose()

    try:
        yield rows, reader, events
    finally:
        await events.aclose()
        watch.close()


async def following(found):
    async with asyncio.timeout(10):
        event = (await anext(found)).decode()
    name, data, *_ = event.split("\n")
    assert event.endswith("\n\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def ids(data):
    return [each["id"] for each in data["requests"]]


async def test_a_reader_sees_what_comes():
    async with reading() as (rows, reader, _), reader() as found:
        assert await following(found) == ("requests", {"seq": 0, "requests": [], "skipped": 0})
        rows.write(2)
        _, data = await following(found)
        assert (ids(data), data["seq"], data["skipped"]) == (["r1", "r2"], 2, 0)
        rows.write(1)
        assert ids((await following(found))[1]) == ["r3"]


async def test_one_who_comes_back_gets_what_he_missed():
    async with reading() as (rows, reader, _):
        rows.write(3)
        async with reader(1) as found:
            assert ids((await following(found))[1]) == ["r2", "r3"]


async def test_one_who_comes_back_late_gets_the_newest_and_a_number():
    async with reading() as (rows, reader, _):
        rows.write(MOST_AT_ONCE + 7)
        async with reader(0) as found:
            _, data = await following(found)
            assert (len(data["requests"]), data["skipped"]) == (MOST_AT_ONCE, 7)


async def test_one_who_is_slow_gets_the_newest_and_a_number():
    async with reading() as (rows, reader, _), reader() as slow, reader() as quick:
        await following(slow)
        await following(quick)
        for _ in range(3):
            rows.write(60)
            await following(quick)
        _, data = await following(slow)
        assert ids(data)[-1] == "r180"
        assert len(data["requests"]) + data["skipped"] == 180


async def test_a_file_that_is_begun_anew_is_told_from_its_beginning():
    async with reading() as (rows, reader, _):
        rows.write(5)
        async with reader() as found:
            assert (await following(found))[1]["seq"] == 5
            rows.rows.clear()
            rows.write(1)
            _, data = await following(found)
            assert (data["seq"], ids(data)) == (1, ["r1"])


async def test_a_file_that_cannot_be_read_is_waited_for(caplog):
    async with reading() as (rows, reader, _):
        rows.broken = True
        async with reader() as found:
            assert (await following(found))[1]["requests"] == []
            rows.broken = False
            rows.write(1)
            assert ids((await following(found))[1]) == ["r1"]
    assert [record.message for record in caplog.records] == ["the page cannot show requests: no disk"]


async def test_the_last_reader_leaves_nothing_behind():
    before = asyncio.all_tasks()
    async with reading() as (_, reader, events):
        async with reader() as one, reader() as other:
            await following(one)
            await following(other)
            assert len(asyncio.all_tasks() - before) == 1
        assert asyncio.all_tasks() == before
        assert not events._readers


async def test_the_end_of_the_gateway_ends_all():
    async with reading() as (_, reader, events), reader() as found:
        await following(found)
        ending = asyncio.ensure_future(anext(found))
        await asyncio.sleep(0)
        await events.aclose()
        with pytest.raises(StopAsyncIteration):
            await ending

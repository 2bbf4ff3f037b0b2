"""Who waits for whom, and for how long."""

import asyncio

from aigw.plugins.ai_cache.entry import Entry
from aigw.plugins.ai_cache.flight import PATIENCE, Flights

ENTRY = Entry(created=0.0, ttl=0, api="", model="", streamed=False, content_type="", body=b"{}")
SOON = 0.001
"""Seconds: a stalled answer is found out at once."""


async def test_nobody_is_under_way():
    assert await Flights().join("k") is None


async def test_an_answer_that_nobody_reads_any_more_is_not_waited_for():
    flights = Flights(SOON)
    stuck = flights.start("k")
    stuck.progress = lambda: 5
    assert await flights.join("k") is None
    second = flights.start("k")
    waiting = asyncio.create_task(flights.join("k"))
    flights.end("k", stuck)
    second.land(ENTRY)
    assert await waiting is ENTRY


async def test_an_answer_that_goes_on_is_waited_for_however_long_it_takes():
    flights = Flights(SOON)
    flight = flights.start("k")
    looks = []

    def progress():
        looks.append(1)
        if len(looks) == 10:
            flight.land(ENTRY)
        return len(looks)

    flight.progress = progress
    assert await flights.join("k") is ENTRY


async def test_an_answer_that_has_not_begun_is_waited_for():
    flights = Flights(SOON)
    flight = flights.start("k")
    waiting = asyncio.create_task(flights.join("k"))
    done, _ = await asyncio.wait([waiting], timeout=20 * SOON)
    assert not done
    flight.land(ENTRY)
    assert await waiting is ENTRY


async def test_patience_ends():
    flights = Flights()
    flight = flights.start("k")
    waiting = asyncio.create_task(flights.join("k"))
    for _ in range(PATIENCE):
        await asyncio.sleep(0)  # it waits now
        assert not waiting.done()
        flights.end("k", flight)
        flight = flights.start("k")
        for _ in range(3):
            await asyncio.sleep(0)  # it has found the next one
    assert await asyncio.wait_for(waiting, 5) is None


async def test_the_first_one_stays_the_one_that_others_find():
    flights = Flights()
    first, second = flights.start("k"), flights.start("k")
    flights.end("k", second)
    waiting = asyncio.create_task(flights.join("k"))
    await asyncio.sleep(0)
    first.land(ENTRY)
    first.land(None)
    assert await waiting is ENTRY

"""A client that named ever new models kept a processor busy with lookups."""

import pytest
from fakes import FakeClock
from prices import AT

from aigw.pricing.paced_book import PacedBook
from aigw.pricing.prices import Price, Query

REAL, MADE_UP = (Query("openai", "real"), AT), (Query("", "made-up"), AT)


class World:
    """Each lookup takes 0.2 s."""

    def __init__(self):
        self.clock = FakeClock()
        self.rests = []
        self.look_up = PacedBook(self.book, self.clock, self.rest)

    async def book(self, asked):
        self.clock.now += 0.2
        return [Price(steps={}) if each == REAL else None for each in asked]

    async def rest(self, seconds):
        self.clock.now += seconds
        self.rests.append(seconds)


async def test_it_rests_only_after_a_lookup_that_found_nothing():
    world = World()
    await world.look_up([REAL, MADE_UP])
    await world.look_up([MADE_UP])
    assert world.rests == []
    await world.look_up([REAL])
    assert world.rests == pytest.approx([0.8])
    await world.look_up([REAL])
    assert len(world.rests) == 1


async def test_what_has_passed_meanwhile_counts():
    world = World()
    await world.look_up([MADE_UP])
    world.clock.now += 0.5
    await world.look_up([MADE_UP])
    world.clock.now += 60
    await world.look_up([MADE_UP])
    assert world.rests == pytest.approx([0.3])

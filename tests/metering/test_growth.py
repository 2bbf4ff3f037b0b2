"""What is set aside grows with an answer that outgrows it, and an answer that does not is hardly looked at."""

import logging

import pytest
from fakes import answered, chat, make_exchange

from aigw.core.model import Chunk
from aigw.core.stores import StoreError
from aigw.dialects.sse import json_event
from aigw.metering.forecast import Forecast
from aigw.metering.growth import FIRST_BYTES, FIRST_BYTES_BOUNDED, STEP_BYTES, Growth


class Stage:
    """A stream whose events have a token or so each, behind the growth of what was set aside for it."""

    def __init__(self, forecast, error=None):
        self.exchange = make_exchange(chat({"messages": []}))
        self.answer = answered(self.exchange)
        self.growth = Growth(self.exchange, forecast, self.grow)
        self.error = error
        self.grown = []
        self.looks = 0

    async def grow(self, more):
        self.grown.append(more)
        if self.error is not None:
            raise self.error

    async def events(self, count):
        event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [{"delta": {"content": "word"}}]}
        for _ in range(count):
            self.answer.feed([json_event(event)])
            if self.answer.size >= self.growth.at:
                self.looks += 1
                await self.growth.look(self.answer)


@pytest.mark.parametrize("forecast", [Forecast(3, 1000), Forecast(3, 1000, bounded=False)])
async def test_an_answer_within_its_estimate_holds_no_more(forecast):
    stage = Stage(forecast)
    await stage.events(900)
    assert stage.grown == []
    assert stage.looks <= 8


async def test_a_short_answer_is_not_looked_at():
    stage = Stage(Forecast(3, 10, bounded=False))
    await stage.events(100)
    assert (stage.looks, stage.answer.size < FIRST_BYTES) == (0, True)


async def test_what_is_held_is_at_least_what_arrived():
    stage = Stage(Forecast(3, 1))
    for made in range(100, 3001, 100):
        await stage.events(100)
        assert made - 100 <= 1 + sum(stage.grown) <= 1.25 * made + 1
    assert len(stage.grown) < 40


async def test_usage_that_is_reported_on_the_way_counts():
    stage = Stage(Forecast(3, 1))
    stage.answer.feed([json_event({"choices": [], "usage": {"completion_tokens": 500}})])
    await stage.growth.look(stage.answer)
    assert stage.grown == [499 + 125]


async def test_a_plain_answer_is_not_decoded_before_its_end():
    answer = answered(make_exchange(chat({"messages": []})), streaming=False)
    body = json_event({"choices": [{"message": {"content": "word " * 2000}}]}).data
    half = len(body) // 2
    answer.feed([Chunk(body[:half])])
    assert answer.output_so_far == half // 4
    answer.feed([Chunk(body[half:])])
    assert len(answer.text) == 10_000


async def test_a_store_that_fails_does_not_break_the_answer(caplog):
    caplog.set_level(logging.WARNING)
    stage = Stage(Forecast(3, 1), StoreError("redis is down"))
    await stage.events(100)
    assert "redis is down" in caplog.text
    assert stage.growth.at > FIRST_BYTES_BOUNDED + STEP_BYTES

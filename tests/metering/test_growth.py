"""What is set aside grows with an answer that outgrows it, and an answer that does not is hardly looked at."""

import json
import logging

import pytest
from fakes import WordCounter, answered, chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.model import Chunk
from aigw.core.stores import StoreError
from aigw.dialects.sse import json_event
from aigw.metering.forecast import Forecast, Forecaster
from aigw.metering.growth import SPARE, Growth


class Stage:
    """A stream behind the growth of what was set aside for it."""

    def __init__(self, forecast, error=None):
        self.exchange = make_exchange(chat({"messages": []}))
        self.answer = answered(self.exchange)
        self.forecaster = Forecaster(WordCounter())
        self.growth = Growth(self.exchange, forecast, self.grow, self.forecaster)
        self.error = error
        self.grown = []
        self.looks = 0

    async def grow(self, more):
        self.grown.append(more)
        if self.error is not None:
            raise self.error

    async def events(self, count, text="word"):
        event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [{"delta": {"content": text}}]}
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
    assert stage.looks <= 12


async def test_a_short_answer_is_not_looked_at():
    stage = Stage(Forecast(3, 10_000, bounded=False))
    await stage.events(100)
    assert stage.looks == 0


async def test_what_is_held_is_at_least_what_arrived():
    stage = Stage(Forecast(3, 1))
    for made in range(100, 3001, 100):
        await stage.events(100)
        assert made - 100 <= 1 + sum(stage.grown) <= 1.25 * made + SPARE
    assert len(stage.grown) < 40


@pytest.mark.parametrize("text", ["word", "many words " * 40, "\u4f60\u597d\u4e16\u754c" * 9, "\U0001f600" * 20])
async def test_the_first_events_count_however_much_is_in_them(text):
    stage = Stage(Forecast(3, 1))
    await stage.events(3, text)
    assert stage.growth._held >= 3 * len(text.encode()) // 4 - 1


async def test_the_next_calls_hold_what_an_answer_under_way_has_used():
    stage = Stage(Forecast(3, 1))
    await stage.events(100)
    request = make_exchange(chat({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}))
    assert stage.forecaster.forecast(request).output > 60


async def test_usage_that_is_reported_on_the_way_counts():
    stage = Stage(Forecast(3, 1))
    stage.answer.feed([json_event({"choices": [], "usage": {"completion_tokens": 500}})])
    await stage.growth.look(stage.answer)
    assert stage.grown == [499 + 125 + SPARE]


@given(text=st.text(), cut=st.integers(0, 2000), escaped=st.booleans())
def test_of_a_plain_answer_only_the_text_counts(text, cut, escaped):
    answer = answered(make_exchange(chat({"messages": []})), streaming=False)
    wire = {"id": "x" * 200, "choices": [{"message": {"content": "word " * 20 + text}, "logprobs": {"a": [1, "b"]}}]}
    body = json.dumps(wire, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    answer.feed([Chunk(body[:cut])])
    before = answer.output_so_far
    assert before <= 25 + -(-len(text.encode("utf-8", "surrogatepass")) // 4)
    answer.feed([Chunk(body[cut:])])
    assert before <= answer.output_so_far
    assert answer.output_so_far >= 25
    assert answer.text == json.loads(body.decode("utf-8", "replace"))["choices"][0]["message"]["content"]


async def test_a_store_that_fails_does_not_break_the_answer(caplog):
    caplog.set_level(logging.WARNING)
    stage = Stage(Forecast(3, 1), StoreError("redis is down"))
    await stage.events(100)
    assert "redis is down" in caplog.text
    assert stage.growth.at > stage.answer.size

"""What is set aside in dollars before a call, and while it is answered, where no price is known by the model's name."""

import asyncio

import pytest
from fakes import FakeClock, answered, chat, make_exchange

from aigw.core.tokens import Tokens
from aigw.metering.forecast import Forecast
from aigw.metering.meter import Spent
from aigw.plugins.ai_budget.cost import GUESSED_INPUT, GUESSED_OUTPUT, Costs
from aigw.pricing.prices import PriceOverride, Prices, Query

FORECAST = Forecast(10, 5)
USED = Tokens(input=10, output=5, source="reported")


async def knows_nothing(asked):
    return [None] * len(asked)


@pytest.fixture
def costs():
    return Costs(Prices({"big": PriceOverride(input=1000, output=2000)}, knows_nothing), FakeClock(0.0))


def answer(costs, asked):
    """An answer of the model `asked`, which no price is known for unless it is `big`."""
    reader = answered(make_exchange(chat({"model": asked, "messages": []})), streaming=False)
    return costs.settle(asked, Spent(15, USED, reader), sent="", failed=False)


async def test_a_usual_price_is_set_aside_until_an_answer_tells(costs):
    assert await costs.expect("alias", FORECAST) is None
    assert costs.guess("alias", FORECAST) == 10 * GUESSED_INPUT + 5 * GUESSED_OUTPUT


async def test_nothing_is_set_aside_for_what_had_no_price(costs):
    assert await answer(costs, "alias") is None
    assert costs.guess("alias", FORECAST) == 0


async def test_the_model_that_is_answering_counts_while_it_answers(costs):
    assert await costs.expect("alias", FORECAST, Query("openai", "big")) == await costs.expect("big", FORECAST) > 0


async def test_what_is_known_by_name_is_not_waited_for():
    """The name of what answered last has no price yet, and nobody will tell one."""

    async def silent(asked):
        await asyncio.Event().wait()
        return []

    prices = Prices({"alias": PriceOverride(input=1000, output=2000)}, silent)
    costs = Costs(prices, FakeClock(0.0))
    assert await costs.expect("alias", FORECAST, Query("openai", "big")) == await costs.expect("alias", FORECAST) > 0


async def test_the_models_of_the_configuration_are_priced_ahead():
    asked = []

    async def book(queries):
        asked.append([query.model for query, _ in queries])
        return [None] * len(queries)

    costs = Costs(
        Prices({"big": PriceOverride(input=1000)}, book, named=lambda: ["small", "big", "tiny"]), FakeClock(0.0)
    )
    await costs.prepare()
    await costs.expect("tiny", FORECAST)
    assert asked == [["small", "tiny"]]


async def test_a_name_that_is_too_long_for_a_model_is_not_remembered(costs, caplog):
    long = "x" * 100_000
    assert await answer(costs, long) is None
    assert not costs._answered
    assert len(caplog.text) < 1000

"""What calls cost: at the price of their provider, nothing where nothing was sold, and not known otherwise."""

from aigw.core.tokens import Tokens
from aigw.pricing.prices import PriceOverride, Prices
from aigw.traffic.format.recording import Folded
from aigw.traffic.runs.costs import priced
from aigw.traffic.runs.outcome import Outcome

CHAT, MODELS = "openai/v1/chatcompletions", "openai/v1/models"
TOKENS = Tokens(input=1_000_000, output=1_000_000, source="reported")


async def nobody(asked):
    return [None] * len(asked)


async def cost_of(outcome, api=CHAT):
    prices = Prices({"gpt-*": PriceOverride(input=2, output=3)}, nobody)
    ((found),) = await priced([(api, 0.0, outcome)], prices)
    return found.usd


async def test_costs():
    assert await cost_of(Outcome(status=200, service="openai", model="gpt-4o", tokens=TOKENS)) == 5
    assert await cost_of(Outcome(status=200, service="127.0.0.1", model="gpt-4o", tokens=TOKENS)) == 5
    answered = Folded(model="gpt-4o-2024")
    assert await cost_of(Outcome(status=200, service="openai", model="mapped", answer=answered, tokens=TOKENS)) == 5
    assert await cost_of(Outcome(status=200, service="builtin", model="echo", tokens=TOKENS)) == 0
    assert await cost_of(Outcome(status=200), MODELS) == 0
    assert await cost_of(Outcome(status=500, service="openai", model="gpt-4o")) == 0
    assert await cost_of(Outcome(status=0, broken=True, service="openai", model="gpt-4o")) == 0


async def test_what_is_not_known():
    assert await cost_of(Outcome(status=200, service="openai", model="gpt-4o")) is None
    assert await cost_of(Outcome(status=200, service="openai", model="unknown", tokens=TOKENS)) is None


async def test_a_cost_that_is_known_is_kept():
    assert await cost_of(Outcome(status=200, service="openai", model="gpt-4o", tokens=TOKENS, usd=0.5)) == 0.5

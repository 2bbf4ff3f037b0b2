"""Tells what calls cost, in billionths of a dollar: the expected cost before a call, and its real cost after it. None
means that the price is not known.

Before a call, nobody knows which provider and which model will answer it. So the first call of a model is priced by the
name that the client sent. Later calls are priced by the provider and the model that answered the last one, once that
price has been looked up. If none has been, it is waited for, once for all calls that need one, and not long before a
call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from aigw.core.env import Clock, Prices
from aigw.core.tokens import Tokens
from aigw.metering.forecast import Forecast
from aigw.metering.meter import Spent
from aigw.plugins.ai_budget.amount import nano
from aigw.pricing.prices import LONGEST_NAME, Query

log = logging.getLogger("aigw")

PATIENCE = 1.0
"""How many seconds a call waits for its price before it is sent."""
GUESSED_INPUT, GUESSED_OUTPUT = 2_500, 10_000
"""The assumed price of a token in billionths of a dollar, before the first call of a model that is not known by its
name has ended."""
_REMEMBERED = 1024


class Costs:
    """Prices the calls of one plugin configuration."""

    def __init__(self, prices: Prices, clock: Clock) -> None:
        self._prices = prices
        self._clock = clock
        self._answered: dict[str, Query] = {}
        self._unknown: set[str] = set()

    async def prepare(self) -> None:
        """Looks up the prices that most calls will need."""
        await self._prices.warm(self._clock.time())

    async def expect(self, model: str, forecast: Forecast, heard: Query | None = None) -> int | None:
        """Returns the expected cost of a call for `model`, the name that the client sent. `heard` is what is known of
        the model that is answering it."""
        tokens = Tokens(input=forecast.input, output=forecast.output, source="estimated")
        query, *others = [*filter(None, (self._answered.get(model), heard)), Query("", model)]
        cost = self._meanwhile(tokens, query, others)
        if cost is None:
            cost = await self._cost(tokens, query, {}, PATIENCE)
        return None if cost is None else nano(cost)

    async def knows(self, query: Query) -> bool:
        """Whether the price is known, for which it waits as long as it takes."""
        return await self._cost(Tokens(input=1, output=1, source="estimated"), query, {}) is not None

    def has_heard(self, model: str) -> bool:
        """Whether a call for `model` was answered, so that `expect` knows by whom."""
        return model in self._answered

    def _meanwhile(self, tokens: Tokens, query: Query, others: Sequence[Query]) -> float | None:
        """Returns the cost by another known price of the model, if the price of `query` has not been looked up yet."""
        at = self._clock.time()
        if self._prices.ready(query, at):
            return None
        costs = [self._prices.cost(tokens, each, at) for each in others if self._prices.ready(each, at)]
        return next((cost for cost in costs if cost is not None), None)

    def guess(self, model: str, forecast: Forecast) -> int:
        """Returns how much to reserve if the expected cost is not known, because the model that will answer may have a
        price. Returns 0 if the model that answered last had none."""
        if model in self._answered:
            return 0
        return forecast.input * GUESSED_INPUT + forecast.output * GUESSED_OUTPUT

    async def settle(self, asked: str, spent: Spent, *, sent: str, failed: bool) -> int | None:
        """Returns the real cost of a call. `sent` is the model in the request to the provider, which counts if the
        answer names none. `failed` is true if the answer is an error; it then costs nothing, unless
        the provider reported usage or a cost."""
        answer, tokens = spent.answer, spent.usage
        if answer is None or (failed and tokens.source == "absent"):
            return 0
        usage = answer.usage
        if usage.cost is not None:
            return nano(usage.cost)
        query = Query(answer.provider, answer.model or sent or asked, usage.tier)
        if len(self._answered) >= _REMEMBERED:
            self._answered.clear()
        if len(asked) <= LONGEST_NAME:
            self._answered[asked] = query
        cost = await self._cost(tokens, query, usage.parts)
        name = query.model[:LONGEST_NAME]
        if cost is None and name not in self._unknown and len(self._unknown) < _REMEMBERED:
            self._unknown.add(name)
            log.warning("ai-budget: the price of %s is not known, so its calls are not counted in dollars", name or "?")
        return None if cost is None else nano(cost)

    async def _cost(
        self, tokens: Tokens, query: Query, parts: Mapping[str, int], patience: float | None = None
    ) -> float | None:
        at = self._clock.time()
        if not self._prices.ready(query, at):
            await self._prices.prepare(query, at, patience)
        return self._prices.cost(tokens, query, at, parts)

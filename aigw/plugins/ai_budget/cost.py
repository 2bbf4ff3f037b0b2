"""What calls cost, in billionths of a dollar: what is expected before, what it was afterwards. None = unknown.

Before a call nobody knows which provider will answer it, and as what. So a model is first priced by its name alone, and
from then on as what answered the last time. A price that has not been looked up yet is waited for, once a model."""

from __future__ import annotations

import logging

from aigw.core.env import Clock, Prices
from aigw.core.model import Request
from aigw.core.tokens import Tokens
from aigw.metering.forecast import Estimate
from aigw.metering.spending import Spent
from aigw.plugins.ai_budget.amount import nano
from aigw.pricing.prices import Query

log = logging.getLogger("aigw")

_REMEMBERED = 1024


class Costs:
    def __init__(self, prices: Prices, clock: Clock) -> None:
        self._prices = prices
        self._clock = clock
        self._answered: dict[str, Query] = {}
        self._unknown: set[str] = set()

    def model(self, request: Request) -> str:
        """The model that is asked for, "" if none is named."""
        if not request.is_json or not request.body:
            return ""
        try:
            model = request.document.get("model")
        except ValueError:
            return ""
        return model if isinstance(model, str) else ""

    async def expect(self, model: str, estimate: Estimate) -> int | None:
        tokens = Tokens(input=estimate.input, output=estimate.output, source="estimated")
        cost = await self._cost(tokens, self._answered.get(model, Query("", model)), {})
        return None if cost is None else nano(cost)

    async def settle(self, asked: str, spent: Spent, *, failed: bool) -> int | None:
        """`failed`: the answer was an error, which costs nothing unless it says so."""
        watch, tokens = spent.watch, spent.usage
        if watch is None or (failed and tokens.source == "absent"):
            return 0
        if watch.reader.cost is not None:
            return nano(watch.reader.cost)
        query = Query(watch.provider, watch.model or asked, watch.reader.tier)
        if len(self._answered) >= _REMEMBERED:
            self._answered.clear()
        self._answered[asked] = query
        cost = await self._cost(tokens, query, watch.reader.parts)
        if cost is None and query.model not in self._unknown and len(self._unknown) < _REMEMBERED:
            self._unknown.add(query.model)
            log.warning("ai-budget: the price of %s is not known: no dollars are counted for it", query.model or "?")
        return None if cost is None else nano(cost)

    async def _cost(self, tokens: Tokens, query: Query, parts: dict[str, int]) -> float | None:
        at = self._clock.time()
        if not self._prices.ready(query, at):
            await self._prices.prepare(query, at)
        return self._prices.cost(tokens, query, at, parts)

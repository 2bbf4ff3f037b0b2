"""What recorded and replayed calls cost, by the price list of a configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from aigw.dialects import apis
from aigw.pricing.prices import Prices, Query
from aigw.providers.catalog import CATALOG
from aigw.traffic.runs.outcome import Outcome

Sold = tuple[str, float, Outcome]
"""The API of a call, when it was sent in seconds since 1970, and what became of it."""


async def priced(sold: Sequence[Sold], prices: Prices) -> list[Outcome]:
    """Returns the outcomes with their costs, None where one is not known. A cost that an outcome has is kept."""
    queries = [(_query(outcome), at) for api, at, outcome in sold if not _costs_nothing(api, outcome)]
    await asyncio.gather(*(prices.prepare(query, at) for query, at in dict.fromkeys(queries)))
    return [replace(each, usd=_usd(api, at, each, prices)) if each.usd is None else each for api, at, each in sold]


def _usd(api: str, at: float, outcome: Outcome, prices: Prices) -> float | None:
    if _costs_nothing(api, outcome):
        return 0.0
    return prices.cost(outcome.tokens, _query(outcome), at)


def _query(outcome: Outcome) -> Query:
    """A host that is no provider of the catalog sells a model at the price of the model's vendor."""
    return Query(outcome.service if outcome.service in CATALOG else "", outcome.answer.model or outcome.model)


def _costs_nothing(api: str, outcome: Outcome) -> bool:
    return api in apis.FREE or (outcome.failed and outcome.count is None)

"""Costs as the gateway works them out, with the pricebook in the process of the test."""

import asyncio
from datetime import UTC, datetime

import msgspec

from aigw.core.tokens import Tokens
from aigw.pricing.pricebook import look_up
from aigw.pricing.prices import Price
from aigw.providers.catalog import CATALOG

AT = datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp()
EXACT = {"rel": 1e-12, "abs": 1e-18}


def price_of(query, at):
    """The pricebook without its process."""
    row = CATALOG.get(query.provider)
    url = f"https://{row.host}" if row is not None and row.host else ""
    return msgspec.convert(look_up(query.provider, url, query.model, query.tier, at), Price | None)


async def in_process(asked):
    return [price_of(query, at) for query, at in asked]


def one_by_one(book):
    """A pricebook that looks up one price at a time, by `await book(query, at)`."""

    async def ask(asked):
        return [await book(query, at) for query, at in asked]

    return ask


def cost_of(prices, tokens, query, at=AT, parts=None):
    """As the gateway does it: looked up first."""
    asyncio.run(prices.prepare(query, at))
    return prices.cost(tokens, query, at, parts)


def reported(input=0, output=0, **more):
    return Tokens(input=input, output=output, source="reported", **more)

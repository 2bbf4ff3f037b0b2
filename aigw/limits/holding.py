"""Holds that nobody is left with: a request that is cancelled while it asks for one holds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aigw.core.exchange import Exchange
from aigw.stores.base import Counter, Limit, StoreError, Ticket


async def hold(exchange: Exchange, counter: Counter, limits: Sequence[Limit]) -> Ticket:
    """As `Counter.hold`. Raises StoreError."""
    asking = asyncio.ensure_future(counter.hold(limits))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        exchange.defer(_free, counter, asking)
        raise


async def _free(counter: Counter, asking: asyncio.Future[Ticket]) -> None:
    try:
        ticket = await asking
        if ticket.refused is None:
            await counter.settle(ticket, [0] * len(ticket.limits))
    except StoreError:
        return  # the lease ends it

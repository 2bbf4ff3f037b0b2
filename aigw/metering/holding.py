"""What a request holds of its limits until it is settled, and what is said where that is not possible."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aigw.core.exchange import Exchange
from aigw.core.stores import Count, Counter, StoreError, Ticket

log = logging.getLogger("aigw")


class Held:
    """Is settled once, however often that is tried: a call that is cancelled is carried out (`Counter`), and then
    tried again (`spending.Settle`)."""

    __slots__ = ("_counter", "_settled", "ticket")

    def __init__(self, counter: Counter, ticket: Ticket) -> None:
        self._counter = counter
        self._settled = False
        self.ticket = ticket

    async def settle(self, charges: Sequence[int], *, within: bool = False) -> Sequence[Count]:
        """As `Counter.settle`; () where it was settled before. Raises StoreError."""
        if self._settled:
            return ()
        self._settled = True
        return await self._counter.settle(self.ticket, charges, within=within)


def not_charged(exchange: Exchange, plugin: str, tokens: int, error: StoreError) -> None:
    """The answer is there already, so that this can only be told."""
    exchange.labels.remarks[plugin] = f"not charged: {error}"
    log.warning("%s: what %s spent (%s tokens) is not charged: %s", plugin, exchange.id, tokens, error)

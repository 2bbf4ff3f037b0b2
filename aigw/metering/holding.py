"""Keeps what a request has reserved of its limits until it is settled, and reports if it cannot be settled."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aigw.core.exchange import Exchange
from aigw.core.stores import Count, Counter, Limit, StoreError, Ticket

log = logging.getLogger("aigw")


class Held:
    """The reservation of one request. It is settled only once, even if `settle` is called twice: a call of `settle`
    that is cancelled takes effect all the same (see `Counter`), and the caller then calls it again (see
    `spending.Settle`)."""

    __slots__ = ("_counter", "_settled", "ticket")

    def __init__(self, counter: Counter, ticket: Ticket) -> None:
        self._counter = counter
        self._settled = False
        self.ticket = ticket

    async def grow(self, amounts: Sequence[int]) -> Ticket:
        """Calls `Counter.grow` unless it was settled, and keeps the ticket. Raises StoreError."""
        if not self._settled:
            self.ticket = await self._counter.grow(self.ticket, amounts)
        return self.ticket

    async def settle(self, charges: Sequence[int], *, within: bool = False) -> Sequence[Count]:
        """Calls `Counter.settle` and returns its counts. Returns () if it was called before. Raises StoreError."""
        if self._settled:
            return ()
        self._settled = True
        return await self._counter.settle(self.ticket, charges, within=within)


def is_full(limit: Limit, count: Count) -> bool:
    """Whether other calls have used or reserved all of a limit. An answer that has outgrown its reservation must then
    break off: one call may exceed a limit, but not many at once. `limit` and `count` are those that `grow` returned."""
    others = count.held - limit.hold
    return count.used - others <= 0 if limit.down else count.used + others > limit.limit


def not_charged(exchange: Exchange, plugin: str, tokens: int, error: StoreError) -> None:
    """Reports in the log and in the labels that `tokens` could not be charged. It is too late to refuse the request,
    because its answer has arrived."""
    exchange.labels.remarks[plugin] = f"not charged: {error}"
    log.warning("%s: what %s spent (%s tokens) is not charged: %s", plugin, exchange.id, tokens, error)

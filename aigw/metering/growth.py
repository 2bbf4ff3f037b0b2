"""Lets what is set aside for a call grow while its answer arrives: a provider may ignore `max_tokens`, and of a request
that nobody could read no limit is known.

Rule: an ordinary answer costs one comparison for each batch. Its output is only estimated when it has so many bytes
that it may have outgrown the forecast."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aigw.core.dialect import Reader
from aigw.core.exchange import Exchange
from aigw.core.stores import StoreError
from aigw.metering.forecast import Forecast

log = logging.getLogger("aigw")

WIRE_BYTES = 8
"""A token takes at least so many bytes on the wire, together with the event around it."""
FIRST_BYTES, FIRST_BYTES_BOUNDED = 16 * 1024, 2 * 1024
"""From so many bytes on an answer is looked at. A client that limits the output gets fewer, if the provider obeys."""
STEP_BYTES = 4 * 1024
"""An answer is looked at again after so many bytes, or later."""

Grow = Callable[[int], Awaitable[None]]
"""Sets so many tokens of output more aside. May raise StoreError, and GatewayError if the answer must break off."""


class Growth:
    """The growth of one call. Call `look` when its answer has `at` bytes."""

    __slots__ = ("_exchange", "_grow", "_held", "at")

    def __init__(self, exchange: Exchange, forecast: Forecast, grow: Grow) -> None:
        self._exchange = exchange
        self._held = forecast.output
        self._grow = grow
        first = FIRST_BYTES_BOUNDED if forecast.bounded else FIRST_BYTES
        self.at = max(first, forecast.output * WIRE_BYTES)

    async def look(self, answer: Reader) -> None:
        """Sets more aside if the answer has outgrown what was. Raises GatewayError if it must break off."""
        made = answer.output_so_far
        if made > self._held:
            more = made - self._held + made // 4  # so that the next look is further away
            self._held += more
            try:
                await self._grow(more)
            except StoreError as error:
                log.warning("what %s uses beyond its estimate is not set aside: %s", self._exchange.id, error)
        bytes_per_token = max(WIRE_BYTES, answer.size // (2 * made) if made else 0)
        self.at = answer.size + max(STEP_BYTES, (self._held - made) * bytes_per_token)

"""Lets the reservation for a call grow while its answer arrives, because a provider may ignore `max_tokens`, and the
limit of an unreadable request is not known.

Rule: an ordinary answer costs one comparison for each batch. Its output is only estimated when, by its size, it may
have outgrown the reservation, and again each time that it may have outgrown the larger one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from operator import attrgetter

from aigw.core.answer import Reader
from aigw.core.aside import aside
from aigw.core.exchange import Exchange
from aigw.core.stores import StoreError
from aigw.dialects.reader import BYTES_PER_TOKEN
from aigw.metering.forecast import Forecast, Forecaster

log = logging.getLogger("aigw")

STEP_BYTES = 64
"""After this many bytes, or later, the answer is looked at again."""
STEP_SHARE = 8
"""A plain answer is looked at again after this part of its size, or later, because it is read from its beginning. If
less than this part of it is text (images, numbers), it is looked at again when it has doubled."""
SPARE = 8
"""How many more tokens than needed are set aside, beside a quarter of the output so far, so that it takes longer until
the next look."""

Grow = Callable[[int], Awaitable[None]]
"""Reserves this many more tokens of output. May raise StoreError, and GatewayError if the answer must break off."""


_output_of = attrgetter("output_so_far")


class Growth:
    """The growth of one call. It is a `core.exchange.Watcher`."""

    __slots__ = ("_exchange", "_forecast", "_forecaster", "_grow", "_held", "at")

    def __init__(self, exchange: Exchange, forecast: Forecast, grow: Grow, forecaster: Forecaster) -> None:
        self._exchange = exchange
        self._forecast = forecast
        self._forecaster = forecaster
        self._held = forecast.output
        self._grow = grow
        self.at = max(forecast.output * BYTES_PER_TOKEN, 1)

    async def look(self, answer: Reader) -> None:
        """Reserves more if the answer has outgrown what is reserved. Raises GatewayError if the answer must break
        off."""
        made = await aside(answer.size, _output_of, answer)
        if made > self._held:
            self._forecaster.notice(self._forecast, made)
            more = made - self._held + made // 4 + SPARE
            self._held += more
            try:
                await self._grow(more)
            except StoreError as error:
                log.warning("what %s uses beyond its estimate is not set aside: %s", self._exchange.id, error)
        self.at = answer.size + max(STEP_BYTES, _step(answer, made, self._held - made))


def _step(answer: Reader, made: int, room: int) -> int:
    """After how many bytes an answer may have made `room` more tokens."""
    size = answer.size
    if answer.streaming:
        return room * max(BYTES_PER_TOKEN, size // (2 * made) if made else 0)  # each has an event around it
    is_text = made * BYTES_PER_TOKEN * STEP_SHARE > size
    return max(room * BYTES_PER_TOKEN, size // STEP_SHARE if is_text else size)

"""Enforces the limits that a request falls under: in aigw's way, and in Higress's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import ClassVar, NoReturn, Protocol

from aigw.core.env import Env, never
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.core.stores import Count, Limit, Ticket
from aigw.metering.forecast import NOTHING, Forecast, Forecaster
from aigw.metering.growth import Growth
from aigw.metering.holding import Held, is_full
from aigw.plugins.ai_token_ratelimit.headers import remaining, tell

LONGEST_RETRY = 60
"""Seconds that SDKs wait at most before they try again; a longer wait they need not try at all."""
UNITS = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}


class Enforcement(Protocol):
    one_unit: ClassVar[bool]
    """Whether only the shortest window of a threshold counts."""

    def hold(self, exchange: Exchange, limits: Sequence[Limit]) -> tuple[Sequence[Limit], Forecast]:
        """Returns the limits, each with the amount that is reserved while the call is under way, and the forecast."""
        ...

    def growth(self, exchange: Exchange, held: Held, forecast: Forecast) -> Growth | None:
        """Returns what lets the reservation grow with the answer, or breaks the answer off."""
        ...

    async def charge(self, held: Held, forecast: Forecast, tokens: int) -> Sequence[Count]:
        """Charges what the call used. Returns the counts, if it charged. Raises StoreError."""
        ...

    def tell(self, reply: Reply, ticket: Ticket, counts: Sequence[Count]) -> None:
        """Tells the client what is left."""
        ...

    def refuse(self, exchange: Exchange, limit: Limit, count: Count) -> Reply:
        """May raise the refusal as a GatewayError instead."""
        ...


def make_enforcement(env: Env, code: int, message: str, text: str, smallest: int) -> Enforcement:
    """Makes what enforces limits. `code` is the status of refusals. `message` is `rejected_msg`, `text` the part of it
    that people read. `smallest` is the smallest limit."""
    forecaster = Forecaster(env.tokenizer)
    held: Enforcement = HeldLimits(code, text, forecaster)
    env.choose(safe=env.when_idle, higress=never)(partial(forecaster.prepare, smallest))
    return env.choose(safe=held, higress=ReadLimits(code, message))


class HeldLimits:
    """Holds an estimate of each call under way, so that a burst does not pass all at once. It grows with an answer,
    which breaks off once others have filled a limit. Tells every client what is left."""

    one_unit: ClassVar[bool] = False

    def __init__(self, code: int, text: str, forecaster: Forecaster) -> None:
        self._code = code
        self._text = text
        self._forecaster = forecaster

    def hold(self, exchange: Exchange, limits: Sequence[Limit]) -> tuple[Sequence[Limit], Forecast]:
        forecast = self._forecaster.forecast(exchange, min([limit.limit for limit in limits]))
        held = forecast.total
        return [Limit(each.key, each.limit, each.window, held) for each in limits], forecast

    def growth(self, exchange: Exchange, held: Held, forecast: Forecast) -> Growth | None:
        async def grow(more: int) -> None:
            ticket = await held.grow([more] * len(held.ticket.limits))
            for limit, count in zip(ticket.limits, ticket.counts, strict=True):
                if is_full(limit, count):
                    self.refuse(exchange, limit, count)

        return Growth(exchange, forecast, grow, self._forecaster) if exchange.asked.generates else None

    async def charge(self, held: Held, forecast: Forecast, tokens: int) -> Sequence[Count]:
        self._forecaster.learn(forecast, tokens)
        return await held.settle([tokens] * len(held.ticket.limits))

    def tell(self, reply: Reply, ticket: Ticket, counts: Sequence[Count]) -> None:
        tell(reply, ticket, counts)

    def refuse(self, exchange: Exchange, limit: Limit, count: Count) -> NoReturn:
        wait = _wait(limit, count)
        headers = {"X-TokenRateLimit-Reset": str(wait), "Retry-After": str(wait), **remaining(limit, 0, count.left)}
        if wait > LONGEST_RETRY:
            headers["x-should-retry"] = "false"
        unit = UNITS[limit.window]
        message = f"{self._text}: the limit is {limit.limit} tokens per {unit}; try again in {wait} s"
        raise GatewayError(self._code, message, kind="tokens", code="rate_limit_exceeded", headers=headers)


class ReadLimits:
    """Refuses once a counter is above its limit, as Higress does, and charges only counters that are not. Of a
    threshold of several windows Higress takes any one, this the shortest."""

    one_unit: ClassVar[bool] = True

    def __init__(self, code: int, message: str) -> None:
        self._code = code
        self._message = message

    def hold(self, exchange: Exchange, limits: Sequence[Limit]) -> tuple[Sequence[Limit], Forecast]:
        return limits, NOTHING

    def growth(self, exchange: Exchange, held: Held, forecast: Forecast) -> None:
        """Does nothing, because nothing is held."""

    async def charge(self, held: Held, forecast: Forecast, tokens: int) -> Sequence[Count]:
        return await held.settle([tokens] * len(held.ticket.limits), within=True) if tokens else ()

    def tell(self, reply: Reply, ticket: Ticket, counts: Sequence[Count]) -> None:
        """Does nothing, because Higress does not tell the client what is left."""

    def refuse(self, exchange: Exchange, limit: Limit, count: Count) -> Reply:
        headers = {"X-TokenRateLimit-Reset": str(_wait(limit, count))}
        return exchange.reply(self._message.encode(), status=self._code, headers=headers)


def _wait(limit: Limit, count: Count) -> int:
    """Seconds until the window ends; what others hold comes free any moment."""
    return max(1, ceil(count.left)) if count.used > limit.limit else 1

"""Lets a request in if something is left of a consumer's quota, and subtracts what it has used: in aigw's way, and in
Higress's."""

from __future__ import annotations

from typing import Protocol

from aigw.core.env import Env, never
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.stores import Counter, Limit, StoreError
from aigw.dialects import apis
from aigw.metering.forecast import Forecaster
from aigw.metering.growth import Growth
from aigw.metering.holding import Held, is_full, not_charged
from aigw.metering.meter import Spent
from aigw.metering.spending import Settle

NAME = "ai-quota"
NO_QUOTA = "Request denied by ai quota check, No quota left"
NO_LIMIT = 2**53
"""The limit of a hold on a quota. The counter never refuses it, because the remaining quota decides."""


class Quota(Protocol):
    def costs(self, exchange: Exchange, suffixes: tuple[str, ...]) -> bool:
        """Whether a request takes from the quota, if those to paths with these ends do."""
        ...

    async def let_in(self, exchange: Exchange) -> tuple[Settle, Growth | None] | None:
        """Returns what ends the reservation, and what lets it grow. None: nothing is left. Raises StoreError."""
        ...


def used_up() -> GatewayError:
    """Returns the refusal of a consumer who has nothing left."""
    return GatewayError(403, NO_QUOTA, kind="insufficient_quota", code="insufficient_quota", plain=(403, NO_QUOTA))


def make_quota(counter: Counter, prefix: str, env: Env) -> Quota:
    """`prefix` is what a consumer's key begins with."""
    forecaster = Forecaster(env.tokenizer)
    held: Quota = HeldQuota(counter, prefix, forecaster)
    env.choose(safe=env.when_idle, higress=never)(forecaster.prepare)
    return env.choose(safe=held, higress=ReadQuota(counter, prefix))


class HeldQuota:
    """Holds an estimate of each call under way: what others hold is not left. It grows with an answer, which breaks off
    once others have used up or hold all. An API costs under each of its paths."""

    def __init__(self, counter: Counter, prefix: str, forecaster: Forecaster) -> None:
        self._counter = counter
        self._prefix = prefix
        self._forecaster = forecaster

    def costs(self, exchange: Exchange, suffixes: tuple[str, ...]) -> bool:
        return exchange.request.path.rstrip("/").endswith(suffixes) or apis.PATHS.get(exchange.api, "").endswith(
            suffixes
        )

    async def let_in(self, exchange: Exchange) -> tuple[Settle, Growth | None] | None:
        forecast = self._forecaster.forecast(exchange)
        limit = Limit(self._prefix + exchange.consumer, NO_LIMIT, hold=forecast.total, down=True)
        held = Held(self._counter, await self._counter.hold([limit]))
        (count,) = held.ticket.counts
        if count.used - count.held <= 0:
            await held.settle([0])
            return None

        async def settle(spent: Spent) -> None:
            self._forecaster.learn(forecast, spent.tokens)
            try:
                await held.settle([-spent.tokens])
            except StoreError as error:
                not_charged(exchange, NAME, spent.tokens, error)

        async def grow(more: int) -> None:
            (limit,), (count,) = (ticket := await held.grow([more])).limits, ticket.counts
            if is_full(limit, count):
                raise used_up()

        growth = Growth(exchange, forecast, grow, self._forecaster) if exchange.asked.generates else None
        return settle, growth


class ReadQuota:
    """Only reads what is left, as Higress does. So any number of simultaneous calls may spend the last token."""

    def __init__(self, counter: Counter, prefix: str) -> None:
        self._counter = counter
        self._prefix = prefix

    def costs(self, exchange: Exchange, suffixes: tuple[str, ...]) -> bool:
        return exchange.request.path.endswith(suffixes)

    async def let_in(self, exchange: Exchange) -> tuple[Settle, Growth | None] | None:
        key = self._prefix + exchange.consumer
        (count,) = await self._counter.read(key)
        if count.used <= 0:
            return None

        async def settle(spent: Spent) -> None:
            try:
                if spent.tokens:
                    await self._counter.add(key, -spent.tokens)
            except StoreError as error:
                not_charged(exchange, NAME, spent.tokens, error)

        return settle, None

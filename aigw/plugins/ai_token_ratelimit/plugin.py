"""ai-token-ratelimit: limits how many tokens a client may use in a second, a minute, an hour or a day.

With `fidelity: higress`, it refuses when a counter is above its limit, and charges what the provider reported at the
end of the answer. With `safe`, it also reserves an estimate while a request is running, so that a burst of requests
does not pass as a whole. The estimate grows with an answer that outgrows it, and the answer is broken off if other
calls have filled the limit. `safe` also charges for answers that were cut off, and tells clients what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from aigw.clients.redis_config import RedisConfig, check_redis
from aigw.core.allowance import Allowance
from aigw.core.env import Env, Services
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.core.stores import Count, StoreError, Ticket
from aigw.metering.forecast import Forecast
from aigw.metering.holding import Held, not_charged
from aigw.metering.meter import Spent, meters
from aigw.metering.spending import follow
from aigw.plugins.ai_token_ratelimit.enforcement import UNITS, HeldLimits, ReadLimits, make_enforcement
from aigw.plugins.ai_token_ratelimit.rule_config import MAX_RULE_ITEMS, RuleItem, Threshold
from aigw.plugins.ai_token_ratelimit.rules import LimitRules

NAME = "ai-token-ratelimit"
STATUS = "token_ratelimit_status"
MOST_TOLD = 200
"""For how many limits the use is shown."""
MESSAGE = "Too many requests"
NO_RULES = (
    "at least one of 'global_threshold' or 'rule_items' must be set; write global_threshold: {token_per_minute: 10000}"
)


class Config(Struct, frozen=True, kw_only=True):
    """Limits the tokens that clients use in a second, a minute, an hour or a day.

    It counts the tokens of calls by header, parameter, cookie, consumer or address. A window of time begins with the
    first answer. While a call is running, an estimate of its tokens is reserved. Before its answer ends, the real
    number is charged. So a burst of calls exceeds a limit by about one call. Where a provider ignores `max_tokens`, or
    nobody can read the request, more is reserved while the answer arrives; it is broken off if other calls have filled
    the limit. The estimate for the output of a call
    without `max_tokens` is 1,024 tokens at first; later it is what such calls really used.

    Answers say how much is left (`x-ratelimit-*`). A refusal (429) says when to call again. While the counters cannot
    be reached, all requests pass, unless `fail_closed` is true."""

    rule_name: Annotated[str, Meta(description="required; the keys of the counters contain it")] = ""
    global_threshold: Annotated[Threshold | None, Meta(description="a limit for all requests together")] = None
    rule_items: Annotated[
        list[RuleItem] | None, Meta(description="at most 10 rules; all that match a request apply to it")
    ] = None
    rejected_code: Annotated[int, Meta(ge=200, le=599, description="the HTTP status of a refusal")] = 429
    rejected_msg: Annotated[str, Meta(description="the body of a refusal; with `safe`, the message in the body")] = (
        MESSAGE
    )
    redis: RedisConfig | None = None
    fail_closed: Annotated[
        bool, Meta(description="aigw: true refuses all requests while the counters cannot be reached")
    ] = False

    def smallest(self) -> int:
        """The smallest limit, in tokens."""
        keys = [key for item in self.rule_items or () for key in item.limit_keys]
        thresholds = [self.global_threshold, *keys] if self.global_threshold is not None else keys
        return min((count for each in thresholds for count in each.counts().values()), default=0)


def check(config: Config) -> list[Problem]:
    """The messages are Higress's, if it has one, and say what to write."""
    problems = check_redis(config.redis)
    if not config.rule_name:
        problems.append(Problem((), "missing rule_name in config"))
    items = config.rule_items
    if config.global_threshold is None and items is None:
        problems.append(Problem((), NO_RULES))
    if config.global_threshold is not None and (problem := config.global_threshold.problem("global_threshold")):
        problems.append(Problem(("global_threshold",), f"failed to parse global_threshold: {problem}"))
    if items is not None and not items:
        problems.append(Problem(("rule_items",), "config rule_items cannot be empty"))
    if items is not None and len(items) > MAX_RULE_ITEMS:
        message = f"rule_items length {len(items)} exceeds maximum {MAX_RULE_ITEMS}"
        problems.append(Problem(("rule_items",), message))
    for index, item in enumerate(items or ()):
        if problem := item.problem():
            problems.append(Problem(("rule_items", index), f"failed to parse rule_item in rule_items: {problem}"))
    return problems


def identity(config: Config, services: Services) -> None:
    """Returns None: the plugin may refuse a request, but never changes its answer."""


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield AiTokenRateLimit(config, env)


class AiTokenRateLimit:
    def __init__(self, config: Config, env: Env) -> None:
        assert config.redis is not None
        self._fail_closed = config.fail_closed
        code, message = config.rejected_code, config.rejected_msg
        self._enforcement = make_enforcement(env, code, message, _message(message), config.smallest())
        one_unit = self._enforcement.one_unit
        self._rules = LimitRules(config.rule_name, config.global_threshold, config.rule_items or (), one_unit=one_unit)
        self._meter = meters(env)
        self._counter = env.stores.counter(config.redis.service())

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        found = self._rules.limits(exchange)
        if not found:
            return await call_next(exchange)
        limits, forecast = self._enforcement.hold(exchange, found)
        try:
            ticket = await self._counter.hold(limits)
        except StoreError as error:
            return await self._without_counters(exchange, call_next, error)
        if ticket.refused is not None:
            exchange.labels.ai_log[STATUS] = "limited"
            exchange.labels.remarks[NAME] = f"{STATUS}=limited"
            return self._enforcement.refuse(exchange, ticket.limits[ticket.refused], ticket.counts[ticket.refused])
        return await self._follow(exchange, call_next, ticket, forecast)

    async def _follow(self, exchange: Exchange, call_next: Next, ticket: Ticket, forecast: Forecast) -> Reply:
        """Sends on a request that was let in, and returns its reply. Charges what it used before the reply ends."""
        held = Held(self._counter, ticket)
        counts: Sequence[Count] = ()

        async def settle(spent: Spent) -> None:
            nonlocal counts
            try:
                counts = await self._enforcement.charge(held, forecast, spent.tokens)
            except StoreError as error:
                not_charged(exchange, NAME, spent.tokens, error)

        growth = self._enforcement.growth(exchange, held, forecast)
        reply = await follow(exchange, call_next, settle, self._meter(exchange), growth)
        self._enforcement.tell(reply, ticket, counts)
        return reply

    async def _without_counters(self, exchange: Exchange, call_next: Next, error: StoreError) -> Reply:
        if self._fail_closed:
            message = "the token limit cannot be checked now; try again later"
            raise GatewayError(503, message, kind="api_error", code="limit_unavailable") from error
        exchange.labels.remarks[NAME] = f"not limited: {error}"
        return await call_next(exchange)


def _message(rejected: str) -> str:
    """Returns the message in `rejected_msg`, which is either a text or a JSON body with `msg` or `message`."""
    try:
        body = msgspec.json.decode(rejected)
    except (msgspec.DecodeError, RecursionError):
        return rejected
    found = (body.get(name) for name in ("msg", "message")) if isinstance(body, dict) else iter(())
    return next((text for text in found if isinstance(text, str)), rejected)


async def allowances(config: Config, env: Env) -> list[Allowance]:
    assert config.redis is not None
    counter = env.stores.counter(config.redis.service())
    rules = LimitRules(
        config.rule_name,
        config.global_threshold,
        config.rule_items or (),
        one_unit=env.choose(safe=HeldLimits.one_unit, higress=ReadLimits.one_unit),
    )
    found = await rules.known(counter, MOST_TOLD)
    counts = await counter.read(*(limit.key for _, limit in found)) if found else ()
    return [
        Allowance(
            what="limit",
            name=config.rule_name,
            scope=", ".join(filter(None, [scope, f"per {UNITS[limit.window]}"])),
            unit="tokens",
            limit=limit.limit,
            used=count.used,
            left=limit.limit - count.used,
            held=count.held,
            resets_at=env.clock.time() + count.left if count.left else None,
            place=f"plugins.{NAME}",
        )
        for (scope, limit), count in zip(found, counts, strict=True)
    ]


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 600),
    recipe="ai-token-ratelimit",
    check=check,
    identity=identity,
    allowances=allowances,
    differences=(
        Difference(
            "running calls", "have an estimate reserved, which grows with the answer", "are not counted until they end"
        ),
    ),
)

"""ai-token-ratelimit: how many tokens a client may use in a second, a minute, an hour or a day.

`fidelity: higress` refuses once a counter is above its limit, holds nothing, and charges what the provider reported at
the end of the answer. `safe` also holds an estimate while a request is under way, so that a burst does not pass all at
once, charges what was produced where an answer was cut off, and tells every client what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import ceil
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from aigw.clients.redis_config import RedisConfig, check_redis
from aigw.core.env import Env, Services
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.core.stores import Count, Limit, StoreError, Ticket
from aigw.metering.forecast import NOTHING, Forecast, Forecaster
from aigw.metering.holding import Held, not_charged
from aigw.metering.spending import Spent, follow
from aigw.plugins.ai_token_ratelimit.headers import remaining, tell
from aigw.plugins.ai_token_ratelimit.rule_config import MAX_RULE_ITEMS, RuleItem, Threshold
from aigw.plugins.ai_token_ratelimit.rules import LimitRules

NAME = "ai-token-ratelimit"
STATUS = "token_ratelimit_status"
MESSAGE = "Too many requests"
NO_RULES = (
    "at least one of 'global_threshold' or 'rule_items' must be set; write global_threshold: {token_per_minute: 10000}"
)
LONGEST_RETRY = 60
"""Seconds that SDKs wait at most before they try again; a longer wait they need not try at all."""
_UNITS = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}


class Config(Struct, frozen=True, kw_only=True):
    """Limits the tokens that clients use in a second, a minute, an hour or a day.

    It counts the tokens of calls by header, parameter, cookie, consumer or address, in fixed windows that begin with
    the first answer. An estimate is held for a call under way, and settled before its answer ends, so a burst exceeds
    the limit by one call at most. A call without `max_tokens` counts as 1,024 tokens, until it is known what such calls
    use.

    Answers say what is left (`x-ratelimit-*`), and a refusal (429) says when to come again. While the counters cannot
    be reached, requests pass."""

    rule_name: Annotated[str, Meta(description="a part of the counters' keys")] = ""
    global_threshold: Annotated[Threshold | None, Meta(description="for all requests together")] = None
    rule_items: Annotated[list[RuleItem] | None, Meta(description="at most 10; a request may fall under several")] = (
        None
    )
    rejected_code: Annotated[int, Meta(ge=200, le=599, description="the status of a refusal")] = 429
    rejected_msg: Annotated[str, Meta(description="the body of a refusal; in `safe` the message in it")] = MESSAGE
    redis: RedisConfig | None = None
    fail_closed: Annotated[bool, Meta(description="aigw: refuse while the counters cannot be read or written")] = False


def check(config: Config) -> list[Problem]:
    """In Higress's words, and what to write."""
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
    """It decides whether there is an answer, never which."""


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield AiTokenRateLimit(config, env)


class AiTokenRateLimit:
    def __init__(self, config: Config, env: Env) -> None:
        assert config.redis is not None
        self._config = config
        self._faithful = env.fidelity == "higress"
        self._rules = LimitRules(
            config.rule_name, config.global_threshold, config.rule_items or (), one_unit=self._faithful
        )
        self._message = _message(config.rejected_msg)
        self._tokenizer = env.tokenizer
        self._forecaster = Forecaster(env.tokenizer)
        self._counter = env.stores.counter(config.redis.service())

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        limits: Sequence[Limit] = self._rules.limits(exchange)
        if not limits:
            return await call_next(exchange)
        forecast = NOTHING
        if not self._faithful:
            forecast = self._forecaster.forecast(exchange.asked, min([limit.limit for limit in limits]))
            held = forecast.total
            limits = [Limit(key, limit, window, held) for key, limit, window, _ in limits]
        try:
            ticket = await self._counter.hold(limits)
        except StoreError as error:
            return await self._without_counters(exchange, call_next, error)
        if ticket.refused is not None:
            return self._refuse(exchange, ticket, ticket.refused)
        return await self._follow(exchange, call_next, ticket, forecast)

    async def _follow(self, exchange: Exchange, call_next: Next, ticket: Ticket, forecast: Forecast) -> Reply:
        """The answer to a request that was let in. What it used is charged before its end."""
        held = Held(self._counter, ticket)
        counts: Sequence[Count] = ()

        async def settle(spent: Spent) -> None:
            nonlocal counts
            if self._faithful and not spent.tokens:
                return
            self._forecaster.learn(forecast, spent.tokens)
            try:
                counts = await held.settle([spent.tokens] * len(ticket.limits), within=self._faithful)
            except StoreError as error:
                not_charged(exchange, NAME, spent.tokens, error)

        reply = await follow(exchange, call_next, settle, tokenizer=self._tokenizer, faithful=self._faithful)
        if not self._faithful:
            tell(reply, ticket, counts)
        return reply

    async def _without_counters(self, exchange: Exchange, call_next: Next, error: StoreError) -> Reply:
        if self._config.fail_closed:
            message = "the token limit cannot be checked now; try again later"
            raise GatewayError(503, message, kind="api_error", code="limit_unavailable") from error
        exchange.labels.remarks[NAME] = f"not limited: {error}"
        return await call_next(exchange)

    def _refuse(self, exchange: Exchange, ticket: Ticket, index: int) -> Reply:
        limit, count = ticket.limits[index], ticket.counts[index]
        exchange.labels.ai_log[STATUS] = "limited"
        exchange.labels.remarks[NAME] = f"{STATUS}=limited"
        config = self._config
        wait = max(1, ceil(count.left)) if count.used > limit.limit else 1  # what others hold comes free any moment
        headers = {"X-TokenRateLimit-Reset": str(wait)}
        if self._faithful:
            return exchange.reply(config.rejected_msg.encode(), status=config.rejected_code, headers=headers)
        headers |= {"Retry-After": str(wait), **remaining(limit, 0, count.left)}
        if wait > LONGEST_RETRY:
            headers["x-should-retry"] = "false"
        unit = _UNITS[limit.window]
        message = f"{self._message}: the limit is {limit.limit} tokens per {unit}; try again in {wait} s"
        raise GatewayError(config.rejected_code, message, kind="tokens", code="rate_limit_exceeded", headers=headers)


def _message(rejected: str) -> str:
    """The text for people in `rejected_msg`, which may be a JSON body of one's own."""
    try:
        body = msgspec.json.decode(rejected)
    except (msgspec.DecodeError, RecursionError):
        return rejected
    found = (body.get(name) for name in ("msg", "message")) if isinstance(body, dict) else iter(())
    return next((text for text in found if isinstance(text, str)), rejected)


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 600),
    recipe="ai-token-ratelimit",
    check=check,
    identity=identity,
    differences=(Difference("calls under way", "are held for", "all pass"),),
)

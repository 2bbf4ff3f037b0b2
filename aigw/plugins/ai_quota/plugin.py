"""ai-quota: an admin gives tokens to consumers, and each request takes its tokens away.

The number under a consumer's key is how many tokens are left. The last answer may make it negative. A consumer who has
no tokens left, or whose quota cannot be read, is refused. With `safe`, an estimate is reserved while a request is
running, so that many requests at once cannot all spend the last token; an answer that outgrows it is broken off if the
consumer's other calls have used up the quota. `safe` also charges for an answer that was cut off."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import quote

from msgspec import Meta, Struct

from aigw.clients.redis_config import RedisConfig, check_redis
from aigw.core.allowance import URL, Allowance
from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.core.stores import Count, StoreError
from aigw.metering.meter import meters
from aigw.metering.spending import follow
from aigw.plugins.ai_quota.admin import QuotaAdmin, refused
from aigw.plugins.ai_quota.quota import NAME, make_quota, used_up

CHAT = "/v1/chat/completions"
MOST_TOLD = 200
"""For how many consumers the remaining quota is shown."""


class Config(Struct, frozen=True, kw_only=True):
    """Gives each consumer a number of tokens, and refuses calls when they are used up.

    An admin changes the quotas, with his own key: GET /v1/chat/completions/quota?consumer=ann shows how many tokens ann
    has left, POST to .../quota/refresh with the form `consumer=ann&quota=1000` sets the number, and POST to
    .../quota/delta with `consumer=ann&value=100` adds to it. The plugin `key-auth` finds out who the consumer is. While
    the counters cannot be reached, all calls are refused."""

    redis_key_prefix: Annotated[str, Meta(description="the key of a counter is this and the name of the consumer")] = (
        "chat_quota:"
    )
    admin_consumer: Annotated[str, Meta(description="the consumer who may show and change quotas")] = ""
    admin_path: Annotated[str, Meta(description="the path of the admin API, after the path of the chat API")] = "/quota"
    enable_path_suffixes: Annotated[
        tuple[str, ...], Meta(description="calls cost quota if their path ends with one of these")
    ] = (
        CHAT,
        "/v1/messages",
    )
    redis: RedisConfig | None = None

    def suffixes(self) -> tuple[str, ...]:
        return tuple(suffix.strip() for suffix in self.enable_path_suffixes if suffix.strip())


def check(config: Config) -> list[Problem]:
    """The messages are Higress's, if it has one."""
    problems = check_redis(config.redis)
    if not config.suffixes():
        problems.append(Problem(("enable_path_suffixes",), "enable_path_suffixes must not be empty"))
    if not config.admin_consumer:
        problems.append(Problem((), "missing admin_consumer in config"))
    return problems


def identity(config: Config, services: Services) -> None:
    """Returns None: the plugin may refuse a request, but never changes its answer."""


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield AiQuota(config, env)


class AiQuota:
    def __init__(self, config: Config, env: Env) -> None:
        assert config.redis is not None
        counter = env.stores.counter(config.redis.service())
        self._quota = make_quota(counter, config.redis_key_prefix, env)
        self._meter = meters(env)
        self._suffixes = config.suffixes()
        chats = dict.fromkeys((CHAT, *env.choose(safe=self._suffixes, higress=())))
        ends = tuple(suffix + (config.admin_path or "/quota") for suffix in chats)
        self._admin = QuotaAdmin(counter, config.redis_key_prefix, config.admin_consumer, ends)

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if not exchange.consumer:
            raise refused("No Key Authentication information found.", 401, code="invalid_api_key")
        if (answer := await self._admin.answer(exchange)) is not None:
            return answer
        if not self._quota.costs(exchange, self._suffixes):
            return await call_next(exchange)
        try:
            let_in = await self._quota.let_in(exchange)
        except StoreError as error:
            exchange.labels.remarks[NAME] = f"refused: {error}"
            let_in = None
        if let_in is None:
            raise used_up()
        settle, growth = let_in
        return await follow(exchange, call_next, settle, self._meter(exchange), growth)


async def allowances(config: Config, env: Env) -> list[Allowance]:
    """Returns what is left for each consumer whose quota was ever set."""
    assert config.redis is not None
    counter, prefix = env.stores.counter(config.redis.service()), config.redis_key_prefix
    keys = sorted([key async for key in counter.keys(prefix)])[:MOST_TOLD]
    counts = await counter.read(*keys) if keys else ()
    return [_allowance(key.removeprefix(prefix), count, config) for key, count in zip(keys, counts, strict=True)]


def _allowance(consumer: str, count: Count, config: Config) -> Allowance:
    form = shlex.quote(f"consumer={quote(consumer, errors='replace')}&value=1000")
    place = f"{URL}{CHAT}{config.admin_path or '/quota'}/delta"
    return Allowance(
        what="quota",
        name="",
        scope=f"consumer {consumer}",
        unit="tokens",
        limit=None,
        used=None,
        left=count.used,
        held=count.held,
        command=f'curl {place} -H "authorization: Bearer $ADMIN_KEY" -d {form}',
    )


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 750),
    recipe="quota",
    check=check,
    identity=identity,
    trusts_consumer=True,
    allowances=allowances,
    differences=(
        Difference(
            "running calls", "have an estimate reserved, which grows with the answer", "may all spend the last token"
        ),
        Difference("the admin API", "is behind each path that costs quota", "is behind /v1/chat/completions"),
    ),
)

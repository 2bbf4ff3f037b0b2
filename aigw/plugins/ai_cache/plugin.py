"""ai-cache: answers a request from the cache if an equal one was answered before. It has Higress's keys in all forms.

With `fidelity: safe` (safe.py), the key is the whole request and the value is the whole answer. With `fidelity:
higress` (higress.py), the key is the last question and the value is the text of the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aigw.clients import dashscope, dashvector
from aigw.clients.callout import TLS_PORT, Callout
from aigw.clients.dashscope import EMBED_HOST, DashScopeClient
from aigw.clients.dashvector import RELATIONS, DashVectorClient, Questions
from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Behind, Difference, Next, PerChain, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.core.stores import KV
from aigw.plugins.ai_cache import higress, safe
from aigw.plugins.ai_cache.config import Config, seconds
from aigw.plugins.ai_cache.flight import Flights
from aigw.plugins.ai_cache.semantic import Semantic

STRATEGIES = ("lastQuestion", "allQuestions", "disabled")


def check(config: Config) -> list[Problem]:
    problems = []
    if config.store is None and config.embedding is None and config.vector is None:
        message = "cache, embedding and vector are all missing; write cache: {type: redis, serviceName: redis.static}"
        problems.append(Problem((), message))
    if config.cache_key_strategy not in STRATEGIES:
        message = f"invalid CacheKeyStrategy: {config.cache_key_strategy}; use one of {', '.join(STRATEGIES)}"
        problems.append(Problem(("cacheKeyStrategy",), message))
    if config.enable_semantic_cache and config.vector is None:
        message = "has no effect without vector and embedding"
        problems.append(Problem(("enableSemanticCache",), message, note=True))
    if config.vector is not None:
        message = "has an effect only with fidelity: higress, with dashscope and dashvector, and enableSemanticCache"
        problems.append(Problem(("vector",), message, note=True))
    return problems + _unread(config)


def _unread(config: Config) -> list[Problem]:
    """Returns notes on keys that today's Higress ignores, or does not read as the user expects."""
    problems = []
    form = "cache" if config.redis is None else "redis"
    if config.original:
        message = "an object was understood in June 2024 only; today's Higress caches {} for everybody; write a text"
        names = {"cacheValueFrom": config.cache_value_from, "cacheStreamValueFrom": config.cache_stream_value_from}
        return [Problem((name,), message, note=True) for name, value in names.items() if not isinstance(value, str)]
    if config.cache_key_prefix:
        message = f"has no effect, as in Higress; write it in `{form}`"
        problems.append(Problem(("cacheKeyPrefix",), message, note=True))
    if config.cache_ttl is not None and config.redis is None:
        problems.append(Problem(("cacheTTL",), "has no effect, as in Higress; write it in `cache`", note=True))
    return problems


def identity(config: Config, services: Services) -> Any:
    """Returns None: a cache does not change answers."""
    return None


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin | PerChain]:
    if config.store is None or config.cache_key_strategy == "disabled":
        yield _pass
        return
    kv = env.stores.kv(config.service())
    make: Callable[[Config, KV, Env], Plugin | PerChain] = env.choose(safe=_safe, higress=_as_higress)
    yield make(config, kv, env)


def _as_higress(config: Config, kv: KV, env: Env) -> Plugin | PerChain:
    return higress.HigressCache(higress.settings_of(config), kv, env, _semantic(config, env))


def _semantic(config: Config, env: Env) -> Semantic | None:
    """Returns the semantic cache, None if it is switched off or needs a service that this version does not support."""
    embedding, vector = config.embedding, config.vector
    if not config.enable_semantic_cache or embedding is None or vector is None:
        return None
    if embedding.type != "dashscope" or vector.type != "dashvector":
        return None
    host = embedding.service_host or EMBED_HOST
    port = embedding.service_port or TLS_PORT
    embed = Callout(env, embedding.service_name, port, host, seconds(embedding.timeout), dashscope.STANDIN)
    keep = Callout(
        env,
        vector.service_name,
        vector.service_port,
        vector.service_host or vector.service_domain,
        seconds(vector.timeout),
        dashvector.STANDIN,
    )
    compare, threshold = RELATIONS[vector.threshold_relation], vector.threshold
    return Semantic(
        DashScopeClient(embed, embedding.api_key, embedding.model),
        Questions(
            DashVectorClient(keep, vector.api_key, vector.collection_id),
            vector.top_k or 1,
            lambda score: compare(score, threshold),
        ),
        env.log,
    )


def _safe(config: Config, kv: KV, env: Env) -> Plugin | PerChain:
    """Returns a maker of caches, one for each chain, because equal requests may have other answers on another chain.
    All caches of one configuration share the store and the flights."""
    settings = safe.SafeSettings(config.prefix(), config.ttl(), config.replay_timing)
    flights = Flights()

    def make(behind: Behind) -> Plugin:
        return safe.SafeCache(settings, kv, flights, env, behind)

    return PerChain(make)


async def _pass(exchange: Exchange, call_next: Next) -> Reply:
    return await call_next(exchange)


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 800),
    recipe="ai-cache",
    check=check,
    identity=identity,
    differences=(
        Difference("the key", "the whole request", "only the last question, not the model or other messages"),
        Difference(
            "headers that go to the provider", "count, but for a list of those that cannot matter", "do not count"
        ),
        Difference("answers that a limit (max_tokens) or a filter has cut short", "are not stored", "are stored"),
        Difference(
            "calls whose arguments are no JSON, embeddings with NaN or without a vector", "are not stored", "are stored"
        ),
        Difference("names that stand twice in a JSON body", "400", "the last one counts"),
        Difference(
            "what is stored", "whole answers, replayed as they were", "the text of any answer, put into a template"
        ),
    ),
)

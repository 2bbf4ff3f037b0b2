"""ai-cache: answers a request that was answered before. Higress's keys, in all their forms (higress.md 7.1, 7.2).

`fidelity: safe` (caching/safe.py) keys on the whole request and keeps whole answers; `fidelity: higress`
(caching/higress.py) keys on the last question and keeps its text. Which store it is the plugin does not know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from aigw.caching import higress, safe
from aigw.caching.callout import TLS_PORT, Callout
from aigw.caching.flight import Flights
from aigw.caching.semantic import EMBED_HOST, RELATIONS, DashScope, DashVector, Semantic
from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.plugin import Next, Plugin, Problem
from aigw.core.reply import Reply
from aigw.stores.base import KV, Service

INHERITS = False

PREFIX = "higress-ai-cache:"
STRATEGIES = ("lastQuestion", "allQuestions", "disabled")
LEGACY_TIMEOUT, TIMEOUT = 1000, 10_000

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[int, Meta(ge=0)]


class Redis(Struct, frozen=True, rename="camel", kw_only=True):
    """Where answers are kept, in the form of 2024."""

    service_name: str
    service_port: Port = 0
    service_host: str = ""
    username: str = ""
    password: str = ""
    database: Annotated[int, Meta(ge=0)] = 0
    timeout: Milliseconds = LEGACY_TIMEOUT
    cache_key_prefix: str = ""
    cache_ttl: Annotated[Seconds, Meta(description="0: they do not expire")] = field(default=0, name="cacheTTL")


class Store(Redis, frozen=True, rename="camel", kw_only=True):
    """Where answers are kept: a Redis, or a folder of this machine where `services:` names none."""

    type: Literal["redis"]
    timeout: Milliseconds = TIMEOUT


class Embedding(Struct, frozen=True, rename="camel", kw_only=True):
    """Who turns questions into vectors."""

    type: Literal["dashscope", "openai", "azure", "cohere", "ollama", "huggingface", "textin", "xfyun"]
    service_name: str
    service_host: str = ""
    service_port: Port = 0
    timeout: Milliseconds = TIMEOUT
    model: str = ""
    api_key: str = ""
    api_version: str = ""
    textin_app_id: str = ""
    textin_secret_code: str = ""
    textin_matryoshka_dim: int = 0
    app_id: str = ""
    api_secret: str = ""


class Vector(Struct, frozen=True, rename="camel", kw_only=True):
    """Where the vectors of questions are kept, and how near another one has to be."""

    type: Literal["dashvector", "chroma", "elasticsearch", "weaviate", "pinecone", "qdrant", "milvus"]
    service_name: str
    service_host: str = ""
    service_port: Port = 443
    api_key: str = ""
    collection_id: str = field(default="", name="collectionID")
    top_k: Annotated[int, Meta(ge=1)] = 1
    timeout: Milliseconds = TIMEOUT
    threshold: float = 1000.0
    threshold_relation: Literal["lt", "lte", "gt", "gte"] = "lt"
    es_username: str = ""
    es_password: str = ""


class FromRequest(Struct, frozen=True, rename="camel"):
    request_body: str = ""


class FromResponse(Struct, frozen=True, rename="camel"):
    response_body: str = ""


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Answers requests that were answered before."""

    cache: Store | None = None
    embedding: Embedding | None = None
    vector: Vector | None = None
    redis: Redis | None = None
    cache_key_strategy: Annotated[str, Meta(description="lastQuestion, allQuestions or disabled")] = "lastQuestion"
    enable_semantic_cache: bool = False
    cache_key_from: Annotated[str | FromRequest, Meta(description="gjson path")] = "messages.@reverse.0.content"
    cache_value_from: Annotated[str | FromResponse, Meta(description="gjson path")] = "choices.0.message.content"
    cache_stream_value_from: Annotated[str | FromResponse, Meta(description="gjson path")] = "choices.0.delta.content"
    cache_tool_calls_from: str = "choices.0.delta.content.tool_calls"
    response_template: str = ""
    stream_response_template: str = ""
    return_response_template: str = ""
    return_stream_response_template: str = ""
    cache_key_prefix: Annotated[str, Meta(description="of the form with `redis`")] = ""
    cache_ttl: Annotated[Seconds, Meta(description="of the form with `redis`")] = field(default=0, name="cacheTTL")
    replay_timing: Annotated[bool, Meta(description="aigw: replay streams as slowly as they came")] = False

    @property
    def store(self) -> Redis | None:
        return self.cache or self.redis

    @property
    def original(self) -> bool:
        """Whether this is the form of the plugin as it was first released, in June 2024."""
        values = (self.cache_value_from, self.cache_stream_value_from)
        return self.cache is None and bool(
            self.cache_key_prefix or any(isinstance(value, FromResponse) for value in values)
        )

    def prefix(self) -> str:
        own = self.store.cache_key_prefix if self.store else ""
        return own or self.cache_key_prefix or PREFIX

    def ttl(self, *, faithful: bool) -> int:
        """Seconds; 0: entries do not expire. The original form documents a TTL that it never reads."""
        if faithful and self.original:
            return 0
        return (self.store.cache_ttl if self.store else 0) or self.cache_ttl


def check(config: Config) -> list[Problem]:
    problems = []
    if config.store is None and config.embedding is None and config.vector is None:
        message = "cache, embedding and vector are all missing; write cache: {type: redis, serviceName: redis.static}"
        problems.append(Problem((), message))
    if config.cache_key_strategy not in STRATEGIES:
        message = f"invalid CacheKeyStrategy: {config.cache_key_strategy}; use one of {', '.join(STRATEGIES)}"
        problems.append(Problem(("cacheKeyStrategy",), message))
    if config.vector is not None:
        message = (
            "is used with fidelity: higress only, with dashscope and dashvector; elsewhere equal requests are cached"
        )
        problems.append(Problem(("vector",), message, note=True))
    return problems


def identity(config: Config, services: Services) -> Any:
    """An answer is the same with a cache and without."""
    return None


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    if config.store is None or config.cache_key_strategy == "disabled":
        yield _pass
        return
    kv = env.stores.kv(service_of(config.store))
    if env.fidelity == "higress":
        yield higress.HigressCache(_higress_settings(config), kv, env, _semantic(config, env))
    else:
        yield _Placing(config, kv, env)


def service_of(store: Redis) -> Service:
    port = store.service_port or (80 if store.service_name.endswith(".static") else 6379)
    return Service(store.service_name, port, store.username, store.password, store.database, _seconds(store.timeout))


def _seconds(timeout: int) -> float:
    return (timeout or TIMEOUT) / 1000


def _semantic(config: Config, env: Env) -> Semantic | None:
    """The semantic cache, if it is switched on and made of parts that are known."""
    embedding, vector = config.embedding, config.vector
    if not config.enable_semantic_cache or embedding is None or vector is None:
        return None
    if embedding.type != "dashscope" or vector.type != "dashvector":
        return None
    host = embedding.service_host or EMBED_HOST
    port = embedding.service_port or TLS_PORT
    embed = Callout(env, embedding.service_name, port, host, (embedding.timeout or TIMEOUT) / 1000)
    keep = Callout(
        env, vector.service_name, vector.service_port, vector.service_host, (vector.timeout or TIMEOUT) / 1000
    )
    compare, threshold = RELATIONS[vector.threshold_relation], vector.threshold
    return Semantic(
        DashScope(embed, embedding.api_key, embedding.model),
        DashVector(keep, vector.api_key, vector.collection_id, vector.top_k, lambda score: compare(score, threshold)),
        env.log,
    )


def _higress_settings(config: Config) -> higress.Settings:
    question, answer, stream = config.cache_key_from, config.cache_value_from, config.cache_stream_value_from
    return higress.Settings(
        prefix=config.prefix(),
        ttl=config.ttl(faithful=True),
        strategy=config.cache_key_strategy,
        question=question if isinstance(question, str) else question.request_body,
        answer=answer if isinstance(answer, str) else answer.response_body,
        stream_answer=stream if isinstance(stream, str) else stream.response_body,
        template=config.response_template or config.return_response_template or higress.TEMPLATE,
        stream_template=config.stream_response_template
        or config.return_stream_response_template
        or higress.STREAM_TEMPLATE,
    )


class _Placing:
    """The cache of one configuration. On every chain it is another plugin, because the same request has other answers
    there; they share the store and what is under way."""

    def __init__(self, config: Config, kv: KV, env: Env) -> None:
        self._settings = safe.Settings(config.prefix(), config.ttl(faithful=False), config.replay_timing)
        self._kv = kv
        self._env = env
        self._flights = Flights()

    def placed(self, after: Mapping[str, Any]) -> Plugin:
        return safe.SafeCache(self._settings, self._kv, self._flights, self._env, after)

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        return await self.placed({})(exchange, call_next)


async def _pass(exchange: Exchange, call_next: Next) -> Reply:
    return await call_next(exchange)

"""The configuration of ai-cache: Higress's keys in all their forms, and their defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from aigw.core.stores import Service, logical_port

PREFIX = "higress-ai-cache:"
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


def service_of(store: Redis) -> Service:
    port = logical_port(store.service_name, store.service_port)
    return Service(store.service_name, port, store.username, store.password, store.database, seconds(store.timeout))


def seconds(timeout: int) -> float:
    """Of a timeout in milliseconds; 0 is the default."""
    return (timeout or TIMEOUT) / 1000

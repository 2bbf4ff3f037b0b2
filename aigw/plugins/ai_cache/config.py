"""The configuration of ai-cache: Higress's keys in all their forms, and their defaults.

Three forms count, as in Higress: `cache` is today's; `redis` is that of 2024, which today's plugin still reads; and the
first release of June 2024 also had `redis`, but objects for the paths of answers, by which it is known."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from aigw.clients.redis_config import RedisConfig
from aigw.core.stores import Service

PREFIX = "higress-ai-cache:"
QUESTION = "messages.@reverse.0.content"
ANSWER, STREAM_ANSWER = "choices.0.message.content", "choices.0.delta.content"
ORIGINAL_TIMEOUT, TIMEOUT = 1000, 10_000

_Port = Annotated[int, Meta(ge=0, le=65535)]
_Service = Annotated[str, Meta(description="the service, as in `services:`")]
_Host = Annotated[str, Meta(description="the name that its requests carry as Host")]
_Seconds = Annotated[int, Meta(ge=0, description="how many seconds an answer is kept; 0: for ever")]
_Milliseconds = Annotated[int, Meta(ge=0, description="milliseconds that a call may take; 0: 10000")]
_Login = Annotated[str, Meta(description="for the login")]
_Key = Annotated[str, Meta(description="the key of the service")]


class Redis(RedisConfig, frozen=True, rename="camel", kw_only=True):
    """Where answers are kept, in the form of 2024."""

    DEFAULT_TIMEOUT = TIMEOUT

    service_name: _Service
    service_port: Annotated[_Port, Meta(description="its port: 6379, or 80 for a service *.static")] = 0
    service_host: Annotated[str, Meta(description="accepted, and not used: `services:` says where it is")] = ""
    timeout: _Milliseconds = 0
    cache_key_prefix: Annotated[
        str | None, Meta(description="what every key begins with; default higress-ai-cache:")
    ] = None
    cache_ttl: _Seconds = field(default=0, name="cacheTTL")


class Store(Redis, frozen=True, rename="camel", kw_only=True):
    """Where answers are kept: a Redis, or a folder of this machine where `services:` names none."""

    type: Annotated[Literal["redis"], Meta(description="the only kind of store that there is")]


class Embedding(Struct, frozen=True, rename="camel", kw_only=True):
    """Who turns questions into vectors."""

    type: Annotated[
        Literal["dashscope", "openai", "azure", "cohere", "ollama", "huggingface", "textin", "xfyun"],
        Meta(description="whose API it is; this version uses dashscope"),
    ]
    service_name: _Service
    service_host: _Host = ""
    service_port: Annotated[_Port, Meta(description="its port: 443")] = 0
    timeout: _Milliseconds = TIMEOUT
    model: Annotated[str, Meta(description="the embedding model; default text-embedding-v2")] = ""
    api_key: _Key = ""
    api_version: Annotated[str, Meta(description="azure: not used by this version")] = ""
    textin_app_id: Annotated[str, Meta(description="textin: not used by this version")] = ""
    textin_secret_code: Annotated[str, Meta(description="textin: not used by this version")] = ""
    textin_matryoshka_dim: Annotated[int, Meta(description="textin: not used by this version")] = 0
    app_id: Annotated[str, Meta(description="xfyun: not used by this version")] = ""
    api_secret: Annotated[str, Meta(description="xfyun: not used by this version")] = ""


class Vector(Struct, frozen=True, rename="camel", kw_only=True):
    """Where the vectors of questions are kept, and how near another one has to be."""

    type: Annotated[
        Literal["dashvector", "chroma", "elasticsearch", "weaviate", "pinecone", "qdrant", "milvus"],
        Meta(description="whose API it is; this version uses dashvector"),
    ]
    service_name: _Service
    service_host: _Host = ""
    service_port: Annotated[_Port, Meta(description="its port")] = 443
    api_key: _Key = ""
    collection_id: Annotated[str, Meta(description="the collection that holds the questions")] = field(
        default="", name="collectionID"
    )
    top_k: Annotated[int, Meta(ge=1, description="how many near questions are looked up; the nearest counts")] = 1
    timeout: _Milliseconds = TIMEOUT
    threshold: Annotated[float, Meta(description="the score that a question near enough is held against")] = 1000.0
    threshold_relation: Annotated[
        Literal["lt", "lte", "gt", "gte"],
        Meta(description="near enough is a score that is less than the threshold, at most it, greater, or at least it"),
    ] = "lt"
    es_username: Annotated[str, Meta(description="elasticsearch: not used by this version")] = ""
    es_password: Annotated[str, Meta(description="elasticsearch: not used by this version")] = ""


class FromRequest(Struct, frozen=True, rename="camel"):
    """Where the question stands, in the form of 2024."""

    request_body: Annotated[str, Meta(description="a gjson path in the request")] = ""

    def __str__(self) -> str:
        return self.request_body


class FromResponse(Struct, frozen=True, rename="camel"):
    """Where the answer stands, in the form of 2024."""

    response_body: Annotated[str, Meta(description="a gjson path in the answer")] = ""

    def __str__(self) -> str:
        return self.response_body


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Answers requests that were answered before: the same question is paid for once.

    It takes all forms of Higress's configuration. Answers are kept in a folder of this machine, unless `services:` says
    where the Redis is that the configuration names. `cache: {size: 1GiB, memory: 64MiB}` at the top of the file bounds
    the folder, and the memory in front of it.

    The key is the whole request, whatever the order of its JSON, with the provider, the model, and what the plugins
    behind the cache would add. Fields that cannot change the answer (`user`, `metadata`, `stream`, ...) are left out.
    Only whole, successful answers are kept. A stream can answer a plain request and the other way round, with tool
    calls, too. Equal requests that come together go upstream once.

    The header x-aigw-cache says `hit`, `miss` or `bypass`, and why: `joined` is a hit that waited for an equal request,
    `unavailable` is a miss because Redis is down. `Cache-Control: no-cache`, `no-store` and `max-age=60`, and
    `x-higress-skip-ai-cache: on`, are obeyed. Stateful requests (`store`, `previous_response_id`), and requests for
    several random answers, bypass the cache.

    `aigw cache explain` names the first part in which the last miss, or a request in a file, differs from what is
    stored. `aigw cache stats`, `ls`, `show` and `clear` do what they say."""

    cache: Annotated[Store | None, Meta(description="where answers are kept")] = None
    embedding: Annotated[Embedding | None, Meta(description="higress: who turns questions into vectors")] = None
    vector: Annotated[Vector | None, Meta(description="higress: where the vectors of questions are kept")] = None
    redis: Annotated[Redis | None, Meta(description="the same as `cache`, in the form of 2024")] = None
    cache_key_strategy: Annotated[
        str,
        Meta(description="disabled switches the cache off; lastQuestion, allQuestions: what the key is in `higress`"),
    ] = "lastQuestion"
    enable_semantic_cache: Annotated[
        bool, Meta(description="higress: a question that is near enough to a stored one gets its answer")
    ] = False
    cache_key_from: Annotated[
        str | FromRequest, Meta(description="higress: the gjson path of the question in a request")
    ] = QUESTION
    cache_value_from: Annotated[
        str | FromResponse, Meta(description="higress: the gjson path of the text in a plain answer")
    ] = ANSWER
    cache_stream_value_from: Annotated[
        str | FromResponse, Meta(description="higress: the gjson path of the text in an event of a stream")
    ] = STREAM_ANSWER
    cache_tool_calls_from: Annotated[str, Meta(description="accepted, and not used: nor does Higress use it")] = (
        "choices.0.delta.content.tool_calls"
    )
    response_template: Annotated[str, Meta(description="higress: a hit, where %s is the stored text")] = ""
    stream_response_template: Annotated[str, Meta(description="higress: a hit as a stream")] = ""
    return_response_template: Annotated[str, Meta(description="`responseTemplate`, in the form of 2024")] = ""
    return_stream_response_template: Annotated[
        str, Meta(description="`streamResponseTemplate`, in the form of 2024")
    ] = ""
    cache_key_prefix: Annotated[
        str, Meta(description="what every key begins with, in the form of June 2024; others have it in `redis`")
    ] = ""
    cache_ttl: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="how many seconds an answer is kept, in the form of 2024; 0: for ever"),
    ] = field(default=None, name="cacheTTL")
    replay_timing: Annotated[bool, Meta(description="aigw: replay streams as slowly as they came")] = False

    @property
    def store(self) -> Redis | None:
        return self.redis or self.cache

    @property
    def original(self) -> bool:
        """Whether this is the form of the first release, of June 2024."""
        values = (self.cache_value_from, self.cache_stream_value_from)
        return self.redis is not None and any(isinstance(value, FromResponse) for value in values)

    def service(self) -> Service:
        """The store, which must be there."""
        assert self.store is not None
        service = self.store.service()
        return (
            service._replace(timeout=ORIGINAL_TIMEOUT / 1000) if self.original and not self.store.timeout else service
        )

    def prefix(self) -> str:
        if self.original:
            return self.cache_key_prefix or PREFIX
        own = self.store.cache_key_prefix if self.store else None
        return PREFIX if own is None else own

    def ttl(self) -> int:
        """Seconds, as each form documents it; 0: entries do not expire."""
        beside = self.cache_ttl if self.redis is not None else None
        if beside is not None or self.original:
            return beside or 0
        return self.store.cache_ttl if self.store else 0


def seconds(timeout: int) -> float:
    """Of a timeout in milliseconds; 0 is the default."""
    return (timeout or TIMEOUT) / 1000

"""The configuration of ai-cache: Higress's keys in all their forms, and their defaults.

There are three forms, as in Higress: today's form has `cache`. The form of 2024 has `redis`, and today's plugin still
reads it. The form of the first release, in June 2024, has `redis` too, but objects for the paths of answers, by which
it is recognized."""

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
_Service = Annotated[str, Meta(description="the name of the service in `services:`")]
_Host = Annotated[str, Meta(description="the host, for the header Host of its requests")]
_Seconds = Annotated[int, Meta(ge=0, description="how many seconds an answer is kept; 0: for ever")]
_Milliseconds = Annotated[int, Meta(ge=0, description="how long a call may take, in milliseconds; 0: 10000")]
_Key = Annotated[str, Meta(description="the API key of the service")]


class Redis(RedisConfig, frozen=True, rename="camel", kw_only=True):
    """The store that keeps the answers, in the form of 2024."""

    DEFAULT_TIMEOUT = TIMEOUT

    service_name: _Service
    service_port: Annotated[_Port, Meta(description="the port; 0: 6379, or 80 for a service *.static")] = 0
    service_host: Annotated[str, Meta(description="not used: the address is in `services:`")] = ""
    timeout: _Milliseconds = 0
    cache_key_prefix: Annotated[
        str | None, Meta(description="every key begins with this; default: higress-ai-cache:")
    ] = None
    cache_ttl: _Seconds = field(default=0, name="cacheTTL")


class Store(Redis, frozen=True, rename="camel", kw_only=True):
    """The store that keeps the answers: a Redis or, if `services:` does not have the service, a folder of this
    machine."""

    type: Annotated[Literal["redis"], Meta(description="the kind of store; there is only this one")]


class Embedding(Struct, frozen=True, rename="camel", kw_only=True):
    """The service that turns questions into vectors."""

    type: Annotated[
        Literal["dashscope", "openai", "azure", "cohere", "ollama", "huggingface", "textin", "xfyun"],
        Meta(description="the vendor; this version only supports dashscope"),
    ]
    service_name: _Service
    service_host: _Host = ""
    service_port: Annotated[_Port, Meta(description="the port; 0: 443")] = 0
    timeout: _Milliseconds = TIMEOUT
    model: Annotated[str, Meta(description="the embedding model; empty: text-embedding-v2")] = ""
    api_key: _Key = ""
    api_version: Annotated[str, Meta(description="azure: not used by this version")] = ""
    textin_app_id: Annotated[str, Meta(description="textin: not used by this version")] = ""
    textin_secret_code: Annotated[str, Meta(description="textin: not used by this version")] = ""
    textin_matryoshka_dim: Annotated[int, Meta(description="textin: not used by this version")] = 0
    app_id: Annotated[str, Meta(description="xfyun: not used by this version")] = ""
    api_secret: Annotated[str, Meta(description="xfyun: not used by this version")] = ""


class Vector(Struct, frozen=True, rename="camel", kw_only=True):
    """The store of the questions' vectors, and when two questions are near enough."""

    type: Annotated[
        Literal["dashvector", "chroma", "elasticsearch", "weaviate", "pinecone", "qdrant", "milvus"],
        Meta(description="the vendor; this version only supports dashvector"),
    ]
    service_name: _Service
    service_host: _Host = ""
    service_domain: Annotated[
        str, Meta(description="the same as `serviceHost`, as some documents of Higress have it")
    ] = ""
    service_port: Annotated[_Port, Meta(description="the port")] = 443
    api_key: _Key = ""
    collection_id: Annotated[str, Meta(description="the collection with the questions")] = field(
        default="", name="collectionID"
    )
    top_k: Annotated[
        int, Meta(ge=0, description="how many near questions are searched; only the nearest one is used; 0: 1")
    ] = 1
    timeout: _Milliseconds = TIMEOUT
    threshold: Annotated[float, Meta(description="the score of a question is compared with this number")] = 1000.0
    threshold_relation: Annotated[
        Literal["lt", "lte", "gt", "gte"],
        Meta(description="how the score of a question that is near enough compares with the threshold"),
    ] = "lt"
    es_username: Annotated[str, Meta(description="elasticsearch: not used by this version")] = ""
    es_password: Annotated[str, Meta(description="elasticsearch: not used by this version")] = ""


class FromRequest(Struct, frozen=True, rename="camel"):
    """The place of the question, in the form of 2024."""

    request_body: Annotated[str, Meta(description="a gjson path in the request")] = ""

    def __str__(self) -> str:
        return self.request_body


class FromResponse(Struct, frozen=True, rename="camel"):
    """The place of the answer, in the form of 2024."""

    response_body: Annotated[str, Meta(description="a gjson path in the answer")] = ""

    def __str__(self) -> str:
        return self.response_body


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Answers a request from the cache if an equal one was answered before, so that it is paid for only once.

    It takes all forms of Higress's configuration. Answers are kept in a folder of this machine or, if `services:` has
    the Redis of the configuration, in this Redis. `cache: {size: 1GiB, memory: 64MiB}` at the top level of the file
    limits the size of the folder, and the memory for the answers that are used most.

    The key is the whole request, with the provider, the model, and the settings of the plugins after the cache. The
    order of JSON keys does not matter, and fields that cannot change the answer (`user`, `metadata`, `stream`, ...) are
    left out, and so is what differs between two equal runs of Claude Code or Codex: the names of sessions and turns.
    Only complete, successful answers are kept. A stored stream can answer a plain request, and a stored plain answer
    can answer as a stream, also with tool calls. If equal requests come at the same time, only the first one is sent to
    the provider.

    The response header x-aigw-cache says `hit`, `miss` or `bypass`, and the reason: `joined` is a hit that waited for
    an equal request, `unavailable` is a miss because Redis is down. `kept=no` says that the answer will not be kept: it
    failed, or depends on more than the request, as with ai-history. Clients can send `Cache-Control: no-cache`,
    `no-store` and `max-age=60`, and `x-higress-skip-ai-cache: on`. Stateful requests (`store`,
    `previous_response_id`), and requests for several random answers, bypass the cache.

    `aigw cache explain` shows in what the last miss, or a request in a file, differs from the nearest stored request.
    `aigw cache stats`, `ls`, `show` and `clear` show and delete what is stored."""

    cache: Annotated[Store | None, Meta(description="the store that keeps the answers")] = None
    embedding: Annotated[
        Embedding | None, Meta(description="higress: the service that turns questions into vectors")
    ] = None
    vector: Annotated[Vector | None, Meta(description="higress: the store of the questions' vectors")] = None
    redis: Annotated[Redis | None, Meta(description="the same as `cache`, in the form of 2024")] = None
    cache_key_strategy: Annotated[
        str,
        Meta(description="disabled: no cache. lastQuestion, allQuestions: the key with `fidelity: higress`"),
    ] = "lastQuestion"
    enable_semantic_cache: Annotated[
        bool, Meta(description="higress: true also answers questions that are near enough to a stored one")
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
    cache_tool_calls_from: Annotated[str, Meta(description="not used, as in Higress")] = (
        "choices.0.delta.content.tool_calls"
    )
    response_template: Annotated[str, Meta(description="higress: the body of a hit; %s becomes the stored text")] = ""
    stream_response_template: Annotated[
        str, Meta(description="higress: the stream of a hit; %s becomes the stored text")
    ] = ""
    return_response_template: Annotated[str, Meta(description="`responseTemplate`, in the form of 2024")] = ""
    return_stream_response_template: Annotated[
        str, Meta(description="`streamResponseTemplate`, in the form of 2024")
    ] = ""
    cache_key_prefix: Annotated[
        str,
        Meta(description="every key begins with this, in the form of June 2024; the other forms have it in `redis`"),
    ] = ""
    cache_ttl: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="how many seconds an answer is kept, in the form of 2024; 0: for ever"),
    ] = field(default=None, name="cacheTTL")
    replay_timing: Annotated[bool, Meta(description="aigw: true sends a stored stream as slowly as it came")] = False

    @property
    def store(self) -> Redis | None:
        return self.redis or self.cache

    @property
    def original(self) -> bool:
        """Whether the configuration has the form of the plugin's first release, in June 2024."""
        values = (self.cache_value_from, self.cache_stream_value_from)
        return self.redis is not None and any(isinstance(value, FromResponse) for value in values)

    def service(self) -> Service:
        """Returns the store of the configuration, which must have one."""
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
        """Returns how many seconds an answer is kept, as each form documents it. 0 means for ever."""
        beside = self.cache_ttl if self.redis is not None else None
        if beside is not None or self.original:
            return beside or 0
        return self.store.cache_ttl if self.store else 0


def seconds(timeout: int) -> float:
    """Returns the seconds of a timeout in milliseconds. 0 stands for the default."""
    return (timeout or TIMEOUT) / 1000

"""The configuration of ai-history: Higress's keys and their defaults."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from aigw.clients.redis_config import CamelRedisConfig
from aigw.core.plugin import Problem
from aigw.higress.query import integer

PREFIX = "higress-ai-history:"
COUNT = 3
QUERY = "ai-history/query"
"""A path with this asks for the history."""


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Keeps what each user and the model said last, and puts it in front of the user's next question.

    A client then sends only its question. One that sends a conversation of its own gets no history added; its last
    question and the answer are kept all the same. Only whole answers are kept, of streams, too, and only texts.

    The header `identityHeader` says who the user is. A key in it is kept as its hash. Without it there is no history;
    the response header x-aigw-history says so, or how many turns were added. `?fill_history_cnt=1` at the URL asks for
    other than the usual number of turns. A path that ends in /ai-history/query answers with what is kept, as JSON;
    `?cnt=1` are the last turns.

    An answer with a history is for one user, so a cache in front of this plugin keeps none; `order:` can put ai-cache
    after it. The store is a Redis or, if `services:` does not have the service, a folder of this machine."""

    redis: Annotated[CamelRedisConfig | None, Meta(description="the store that keeps the histories")] = None
    identity_header: Annotated[
        str, Meta(description="the header that says who the user is; x-mse-consumer: the one whom key-auth found")
    ] = "Authorization"
    fill_history_cnt: Annotated[int, Meta(ge=0, description="how many turns are kept and added; 0: 3")] = COUNT
    cache_key_prefix: Annotated[str, Meta(description="every key begins with this")] = PREFIX
    cache_ttl: Annotated[int, Meta(ge=0, description="how many seconds a history is kept; 0: for ever")] = field(
        default=0, name="cacheTTL"
    )

    @property
    def header(self) -> str:
        return self.identity_header or "Authorization"

    @property
    def count(self) -> int:
        return self.fill_history_cnt or COUNT

    @property
    def prefix(self) -> str:
        return self.cache_key_prefix or PREFIX

    @property
    def ttl(self) -> float | None:
        return self.cache_ttl or None


def check(config: Config) -> list[Problem]:
    if config.redis is None or not config.redis.service_name:
        message = "redis service name must not be empty; write redis: {serviceName: redis.static}"
        return [Problem(("redis",), message)]
    return []


def is_query(target: str) -> bool:
    """Whether a request with this path and query asks for the history."""
    return QUERY in target


def wanted(query: str, name: str, usual: int) -> int:
    """Returns how many messages are wanted, at least 0: two for each turn. `usual` is the number of turns if the query
    does not say it."""
    return max(0, integer(query, name, usual)) * 2


def last(messages: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    return messages[-count:] if count else []

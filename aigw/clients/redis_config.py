"""The keys with which a plugin's configuration names a Redis, as in Higress: in snake_case, or in camelCase for
ai-cache and ai-history.

Rule: a subclass for camelCase repeats the fields whose names have several words, because msgspec renames only the
fields that the class itself defines."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from aigw.core.plugin import Problem
from aigw.core.stores import Service, logical_port


class RedisConfig(Struct, frozen=True, kw_only=True):
    """The Redis with the counters. If `services:` does not have the service, the counters are on this machine."""

    DEFAULT_TIMEOUT: ClassVar[int] = 1000
    """The timeout in milliseconds if `timeout` is 0."""

    service_name: Annotated[str, Meta(description="the name of the service in `services:`")] = ""
    service_port: Annotated[
        int, Meta(ge=0, le=65535, description="the port; 0: 6379, or 80 for a service *.static")
    ] = 0
    username: Annotated[str, Meta(description="the user for the login; empty: none")] = ""
    password: Annotated[str, Meta(description="the password for the login; empty: none")] = ""
    timeout: Annotated[int, Meta(ge=0, description="how long a call may take, in milliseconds; 0: 1000")] = 0
    database: Annotated[int, Meta(ge=0, description="the number of the database")] = 0

    def service(self) -> Service:
        return Service(
            name=self.service_name,
            port=logical_port(self.service_name, self.service_port),
            username=self.username,
            password=self.password,
            database=self.database,
            timeout=(self.timeout or self.DEFAULT_TIMEOUT) / 1000,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.service_name!r})"


class CamelRedisConfig(RedisConfig, frozen=True, rename="camel", kw_only=True):
    """A Redis whose keys are in camelCase."""

    service_name: Annotated[str, Meta(description="the name of the service in `services:`")] = ""
    service_port: Annotated[
        int, Meta(ge=0, le=65535, description="the port; 0: 6379, or 80 for a service *.static")
    ] = 0


def check_redis(redis: RedisConfig | None) -> list[Problem]:
    """Returns the problems of a required Redis, in Higress's words and with what to write."""
    if redis is None:
        return [Problem((), "missing redis in config; write redis: {service_name: redis.static}")]
    if not redis.service_name:
        return [Problem(("redis",), "redis service name must not be empty")]
    return []

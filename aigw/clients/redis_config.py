"""The Redis that a plugin names in its configuration, as Higress has it: in snake_case, of ai-cache in camelCase.

Rule: a subclass for camelCase repeats the fields whose names have several words, because msgspec renames only those
that a class itself defines."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from aigw.core.plugin import Problem
from aigw.core.stores import Service, logical_port


class RedisConfig(Struct, frozen=True, kw_only=True):
    """Where the counters are. A service that `services:` does not map is the store on this machine."""

    DEFAULT_TIMEOUT: ClassVar[int] = 1000
    """Milliseconds; what 0 means."""

    service_name: Annotated[str, Meta(description="the service, as in `services:`")] = ""
    service_port: Annotated[int, Meta(ge=0, le=65535, description="6379, or 80 for a service *.static")] = 0
    username: Annotated[str, Meta(description="for the login")] = ""
    password: Annotated[str, Meta(description="for the login")] = ""
    timeout: Annotated[int, Meta(ge=0, description="milliseconds that a call may take: 1000")] = 0
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


def check_redis(redis: RedisConfig | None) -> list[Problem]:
    """In Higress's words, and what to write."""
    if redis is None:
        return [Problem((), "missing redis in config; write redis: {service_name: redis.static}")]
    if not redis.service_name:
        return [Problem(("redis",), "redis service name must not be empty")]
    return []

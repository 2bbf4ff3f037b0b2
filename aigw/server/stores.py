"""The stores in which plugins keep and count. They live as long as the gateway, longer than a configuration.

Rule: a service that the `services:` table maps is a Redis. Every other service is a store in the state folder, or in
memory if there is no folder. Nothing is loaded or opened before a plugin asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aigw.config.model import CacheConfig
from aigw.config.services import ServiceTable
from aigw.core.env import WhenIdle, never
from aigw.core.errors import ConfigError
from aigw.core.stores import KV, LOCAL, Counter, Service, Stores
from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile
from aigw.stores.counter.schema import FILE_NAME
from aigw.stores.memory import MemoryStores
from aigw.stores.memory_layer import LayeredKV
from aigw.stores.redis.url import is_redis_url

if TYPE_CHECKING:
    from aigw.stores.disk.cache import DiskCache
    from aigw.stores.redis.stores import RedisStores


class LocalStores:
    """The stores of this machine. All processes with the same state folder share them."""

    def __init__(
        self, folder: Path, limits: CacheConfig, now: Callable[[], float] = time.time, when_idle: WhenIdle = never
    ) -> None:
        self._folder = folder
        self._when_idle = when_idle
        self._limits = limits
        self._now = now
        self._cache: DiskCache | None = None
        self._counters: CounterFile | None = None

    def kv(self, service: Service = LOCAL) -> KV:
        from aigw.stores.disk.cache import FOLDER, DiskCache
        from aigw.stores.disk.kv import DiskKV

        if self._cache is None:
            self._cache = DiskCache(self._folder / FOLDER, size=self._limits.size, now=self._now)
            self._when_idle(self._cache.open)
        return DiskKV(self._cache, _namespace(service))

    def counter(self, service: Service = LOCAL) -> Counter:
        if self._counters is None:
            self._counters = CounterFile(self._folder / FILE_NAME, now=self._now)
            self._when_idle(self._counters.open)
        return SqliteCounter(self._counters, _namespace(service), patience=service.timeout)

    async def aclose(self) -> None:
        for each in (self._cache, self._counters):
            if each is not None:
                await each.aclose()


class GatewayStores:
    """The stores of a gateway. `folder` is the state folder. With `empty_cache`, values are kept in memory only, so
    that no run sees those of another. Counters are kept as always."""

    def __init__(
        self,
        folder: Path | None,
        limits: CacheConfig,
        now: Callable[[], float] = time.time,
        *,
        empty_cache: bool = False,
        when_idle: WhenIdle = never,
    ) -> None:
        self._memory = limits.memory
        self._local = LocalStores(folder, limits, now, when_idle) if folder is not None else None
        self._here = self._local or MemoryStores(now)
        self._values = MemoryStores(now) if empty_cache else None
        self._redis: dict[str, RedisStores] = {}
        self._kvs: dict[tuple[str, Service], KV] = {}
        self._counters: dict[tuple[str, Service], Counter] = {}

    def by(self, services: ServiceTable) -> NamedStores:
        """The stores under the names that a configuration gives them."""
        return NamedStores(self, services)

    def kv(self, service: Service, url: str) -> KV:
        """The KV in the Redis at `url`, or on this machine if that is "". There one memory stands in front of each
        KV."""
        if self._values is not None:
            return self._values.kv(service)
        if not url:
            service = Service(service.name, service.port, database=service.database)
        kv = self._kvs.get((url, service))
        if kv is None:
            kv = self._at(url).kv(service)
            if self._local and not url:  # as in Higress: values in Redis are read from Redis
                kv = LayeredKV(kv, size=self._memory)
            self._kvs[url, service] = kv
        return kv

    def counter(self, service: Service, url: str) -> Counter:
        """The counter in the Redis at `url`, or on this machine if that is ""."""
        counter = self._counters.get((url, service))
        if counter is None:
            counter = self._counters[url, service] = self._at(url).counter(service)
        return counter

    async def aclose(self) -> None:
        for redis in self._redis.values():
            await redis.aclose()
        if self._local is not None:
            await self._local.aclose()

    def _at(self, url: str) -> Stores:
        if not url:
            return self._here
        from aigw.stores.redis.stores import RedisStores

        if url not in self._redis:
            self._redis[url] = RedisStores(url)  # nothing is connected yet
        return self._redis[url]


class NamedStores:
    """The stores by the names of one configuration. Raises ConfigError for a name that is mapped to anything but
    Redis."""

    def __init__(self, stores: GatewayStores, services: ServiceTable) -> None:
        self._stores = stores
        self._services = services
        self._asked: set[str] = set()

    def unused(self) -> list[str]:
        """The names of Redis servers that no plugin asked for."""
        return [name for name, url in self._services.items() if is_redis_url(url) and name not in self._asked]

    def kv(self, service: Service = LOCAL) -> KV:
        return self._stores.kv(service, self._url(service))

    def counter(self, service: Service = LOCAL) -> Counter:
        return self._stores.counter(service, self._url(service))

    def _url(self, service: Service) -> str:
        url = self._services.store(service.name, service.port)
        self._asked |= {service.name.lower(), f"{service.name}:{service.port}".lower()}
        if url and not is_redis_url(url):
            raise ConfigError([f"services.{service.name}: a plugin uses it as a Redis, so it must be a redis:// URL"])
        return url


def _namespace(service: Service) -> str:
    return f"{quote(service.name, safe='')}:{service.port}/{service.database}"

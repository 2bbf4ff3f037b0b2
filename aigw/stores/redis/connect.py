"""Makes the client of the package `redis` for an address. Nothing is sent before the first command.

Rule: the client never repeats a command by itself. A script that charges must not run twice, and a server that is down
must be noticed at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from aigw.core.stores import Service
from aigw.stores.redis.url import CLUSTER, SENTINEL, RedisAddress

DEFAULT_USER = "default"
"""A Redis without a password lets this user in with any password. So the YAML of a cluster works on a laptop."""


class Connected(NamedTuple):
    client: Any
    closers: tuple[Callable[[], Awaitable[None]], ...]

    async def aclose(self) -> None:
        for close in self.closers:
            await close()


def connect(address: RedisAddress, service: Service, seconds: float, connections: int) -> Connected:
    """`seconds` is how long connecting may take. `connections` is how many there are to one server."""
    username, password = address.credentials or (service.username, service.password)
    settings: dict[str, Any] = {
        "username": (username or DEFAULT_USER) if password else None,
        "password": password or None,
        "socket_connect_timeout": seconds,
        "socket_keepalive": True,
        "max_connections": connections,
        "protocol": 2,
        **_tls(address),
    }
    if address.kind == CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        cluster: Any = RedisCluster(startup_nodes=nodes, **settings)
        return Connected(cluster, (cluster.aclose,))
    settings |= {"db": service.database or address.database or 0, "retry": _once()}
    if address.kind == SENTINEL:
        return _behind_sentinels(address, settings)
    (host, port) = address.nodes[0]
    client = Redis(host=host, port=port, **settings)
    return Connected(client, (client.aclose,))


def _behind_sentinels(address: RedisAddress, settings: dict[str, Any]) -> Connected:
    username, password = address.sentinel_credentials
    own = {"username": username or None, "password": password or None, "db": 0}
    open_sentinels: Any = Sentinel  # untyped
    sentinels = open_sentinels(list(address.nodes), sentinel_kwargs=settings | own | {"retry": _once()}, **settings)
    client = sentinels.master_for(address.master)
    return Connected(client, (client.aclose, *(each.aclose for each in sentinels.sentinels)))


def _once() -> Retry:
    return Retry(NoBackoff(), 0)


def _tls(address: RedisAddress) -> dict[str, Any]:
    return {} if address.tls is None else {"ssl": True, **address.tls}

"""Idle connections by origin. Rule: the newest is taken first, so that the others get old and are closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from aigw.core.model import Origin


class Poolable(Protocol):
    """`idle_since` is the pool's own."""

    origin: Origin
    idle_since: float

    def drop(self) -> None:
        """Closes the connection at once and calls `Pool.forget`."""
        ...


C = TypeVar("C", bound=Poolable)


class Pool(Generic[C]):
    """Keeps at most `max_idle` idle connections for each origin. Each connection closes itself after `idle_seconds`.

    These are 55 s: common servers and load balancers close an idle connection after 60 s. While a laptop sleeps, timers
    stand still, and nobody is told that the other end has gone. So the wall clock counts, too."""

    def __init__(
        self, *, max_idle: int = 256, idle_seconds: float = 55.0, now: Callable[[], float] = time.time
    ) -> None:
        self.max_idle = max_idle
        self.idle_seconds = idle_seconds
        self._now = now
        self.open_connections = 0
        self._idle: dict[Origin, list[C]] = {}
        self._closed = False

    def take(self, origin: Origin) -> C | None:
        """An idle connection. It belongs to the caller from now on."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if self._now() - connection.idle_since <= self.idle_seconds:
                return connection
            connection.drop()
        return None

    def put(self, connection: C) -> bool:
        """Keeps an idle connection. False if there is no room: then the caller must drop it."""
        if self._closed:
            return False
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) >= self.max_idle:
            return False
        connection.idle_since = self._now()
        idle.append(connection)
        return True

    def forget(self, connection: C) -> None:
        """Removes a connection that was dropped, idle or not."""
        self.open_connections -= 1
        idle = self._idle.get(connection.origin)
        if idle and connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        """Drops the idle connections. Connections in use are dropped when they are done."""
        self._closed = True
        for idle in list(self._idle.values()):
            for connection in list(idle):
                connection.drop()
        self._idle.clear()

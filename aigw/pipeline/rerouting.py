"""Chooses the route of a request again, after a plugin has set headers that routes match. Higress does the same when it
clears Envoy's route cache.

Rule: the plugins before this point are those of the first route, the plugins after it are those of the new route. A
request that no route matches at first has the route NOWHERE until this point. If no route matches headers, the chains
do not have this step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aigw.core.exchange import Exchange
from aigw.core.model import Request, Route
from aigw.core.plugin import Next
from aigw.core.reply import Reply

NOWHERE = Route("")

Find = Callable[[Request], Route]
"""Returns the route of a request. Raises GatewayError if no route matches."""


class Rest(Protocol):
    """The rest of a chain. `aigw.pipeline.pipeline.Chain` is one."""

    def of(self, exchange: Exchange) -> Next: ...


Behind = Callable[[Route, str], Rest]
"""Returns the rest of the chain of a route and a host, from this point on."""


class Rerouting:
    """A plugin that is added to a chain at this point. `call_next` is the rest of the first route's chain."""

    def __init__(self, find: Find, behind: Behind) -> None:
        self._find = find
        self._behind = behind

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        route = self._find(request)
        if route is exchange.route:
            return await call_next(exchange)
        exchange.route, exchange.target = route, route.target
        return await self._behind(route, request.headers.get("host", "")).of(exchange)(exchange)

"""What stands in a chain right behind a plugin that chooses the route anew, by headers that it sets (Higress clears
Envoy's route cache there).

Rule: what stood before it was the first route's, what comes behind it is the new one's. A request that no route matches
at first has the route NOWHERE until then. Where no route looks at headers, nobody stands here."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.exchange import Exchange
from aigw.core.model import Request, Route
from aigw.core.plugin import Next
from aigw.core.reply import Reply

NOWHERE = Route("")

Find = Callable[[Request], Route]
"""The route of a request. Raises GatewayError where there is none."""
Behind = Callable[[Route, str], Next]
"""What a request for a route and a host goes through from here on."""


class Rerouting:
    """Has the form of a plugin. `call_next` is the rest of the first route's chain."""

    def __init__(self, find: Find, behind: Behind) -> None:
        self._find = find
        self._behind = behind

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        route = self._find(request)
        if route is exchange.route:
            return await call_next(exchange)
        exchange.route, exchange.target = route, route.target
        return await self._behind(route, request.headers.get("host", ""))(exchange)

"""The table of routes: the first one that matches a request takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aigw.config.model import DEFAULT_ROUTE, MatchConfig, RouteConfig
from aigw.config.services import ServiceTable, parse_upstream
from aigw.core.authority import host_of
from aigw.core.errors import GatewayError
from aigw.core.model import Request, Route, Target, Timeouts
from aigw.dialects import apis
from aigw.pipeline.pipeline import Chain, Pipeline
from aigw.pipeline.rerouting import NOWHERE
from aigw.server.route_index import RouteIndex


class RouteTable:
    def __init__(
        self,
        routes: Sequence[RouteConfig],
        pipeline: Pipeline,
        services: ServiceTable,
        timeouts: Timeouts,
        host_form: Callable[[str], str] = host_of,
        first: Sequence[tuple[MatchConfig, Route]] = (),
    ) -> None:
        """`host_form` makes of a request's Host what the routes compare. `first` come before the others."""
        own = [(route.match, make_route(route, services, timeouts)) for route in routes or (DEFAULT_ROUTE,)]
        self._routes = [*first, *own]
        self._index = RouteIndex([match for match, _ in self._routes])
        self._by_name: dict[str, Route] = {}
        for _, route in self._routes:
            self._by_name.setdefault(route.name, route)
        self._pipeline = pipeline
        self._host_form = host_form
        looks_at_headers = any(match.headers for match, _ in self._routes)
        self._nowhere = pipeline.reroute(self._again) if looks_at_headers else None

    def find(self, request: Request) -> tuple[Route, Chain] | None:
        """The route of a request and its chain, or None if no route matches."""
        host = request.headers.get("host", "")
        route = self._match(request, host)
        if route is not None:
            return route, self._pipeline.chain(route, host)
        return None if self._nowhere is None else (NOWHERE, self._nowhere)

    def find_own(self, request: Request, name: str, provided: bool) -> tuple[Route, Chain] | None:
        """The route of this name for a request that the gateway itself makes, or without a name the first one that
        matches it, and its chain. None if it must have a provider and has none."""
        host = request.headers.get("host", "")
        route = self._by_name.get(name) if name else self._match(request, host)
        if route is None or (provided and not self._pipeline.provides(route, host)):
            return None
        return route, self._pipeline.chain(route, host, own=True)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._by_name)

    def _again(self, request: Request) -> Route:
        """The route of a request after a plugin has changed its headers. Raises GatewayError if none matches."""
        route = self._match(request, request.headers.get("host", ""))
        if route is None:
            raise no_route(request)
        return route

    def _match(self, request: Request, host: str) -> Route | None:
        position = self._index.first(request, self._host_form(host))
        return None if position is None else self._routes[position][1]


def make_route(config: RouteConfig, services: ServiceTable, timeouts: Timeouts) -> Route:
    """The route as exchanges have it. With a URL as upstream, requests get the host of the URL as Host. With a service
    name they keep the client's Host, as in Envoy."""
    if not config.upstream:
        return Route(config.name, names_path=_names_path(config.match.path))
    upstream = parse_upstream(config.upstream)
    origin = services.locate(upstream.scheme, upstream.authority)
    authority = upstream.authority if "://" in config.upstream else ""
    target = Target(origin, authority, timeouts)
    return Route(config.name, upstream.service, target, _names_path(config.match.path))


def _names_path(pattern: str) -> bool:
    """Whether a pattern is for paths of its own, unlike `/*` or `/v1/*`, which APIs have as well."""
    return not (pattern.endswith("*") and any(path.startswith(pattern[:-1]) for path in apis.PATHS.values()))


def no_route(request: Request) -> GatewayError:
    if "/v1/v1/" in request.path:
        return GatewayError(
            404, f"{request.path}: the base URL ends in /v1 and the client adds it again", code="unknown_url"
        )
    host = request.headers.get("host", "")  # the routes of a cluster may be for its hosts alone
    said = f"no route for {request.method} {request.path} with Host {host}; `aigw config show` has what routes match"
    return GatewayError(404, said, code="unknown_url")

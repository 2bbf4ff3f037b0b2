"""Makes the section `routes:` from the routes of Ingresses, in the order in which Higress would try them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aigw.config.plugins import find_plugin
from aigw.resources.importing.balance import ACTIVE, choice, provider_of
from aigw.resources.importing.fallbacks import fallbacks_of
from aigw.resources.importing.mappings import Use, move_mappings
from aigw.resources.ingress import IngressRoute, Share
from aigw.resources.mcp_bridge import Service
from aigw.resources.report import Findings

_ROUTE, _SERVICE = "_match_route_", "_match_service_"


def balancers(plugins: Iterable[str]) -> list[str]:
    """Returns those of the plugins that choose one of several providers."""
    found = []
    for name in plugins:
        about = find_plugin(name)
        if about is not None and ACTIVE in {each.encode_name for each in msgspec.structs.fields(about.config)}:
            found.append(name)
    return found


def routes_of(
    routes: Sequence[IngressRoute],
    services: Sequence[Service],
    plugins: dict[str, Any],
    ours: Sequence[Mapping[str, Any]],
    findings: Findings,
) -> tuple[list[dict[str, Any]], list[str]]:
    """The routes, and the pages that may call any of them. Rules of `plugins` for a route that became several get the
    names of all. `ours` is what only aigw knows of its routes."""
    fallbacks = fallbacks_of(routes)
    others = {id(each) for listed in fallbacks.values() for each in listed}
    main = [route for route in routes if id(route) not in others]
    writer = _Routes(services, plugins, findings)
    listed = [writer.write(route, fallbacks.get(route.name, [])) for route in sorted(main, key=lambda each: each.rank)]
    _tell_hosts(main, findings)
    move_mappings(plugins, writer.uses, findings)
    _spread(plugins, _ROUTE, writer.names)
    _spread(plugins, _SERVICE, {name: [address] for name, address in writer.services.items()})
    origins = list(dict.fromkeys(origin for route in main for origin in route.origins))
    return _with_ours(listed, ours), origins


class _Routes:
    """The routes of Ingresses. `names` has the names of the routes that an Ingress became, by its own. `services` has
    the addresses of services that are no services of aigw, but upstreams with a URL. `uses` has the providers of their
    destinations."""

    def __init__(self, services: Sequence[Service], plugins: Mapping[str, Any], findings: Findings) -> None:
        self._services = {service.name: service for service in services}
        self._plugins = plugins
        self._findings = findings
        self.names: dict[str, list[str]] = {}
        self.services: dict[str, str] = {}
        self.uses: list[Use] = []

    def write(self, route: IngressRoute, fallbacks: Sequence[IngressRoute]) -> dict[str, Any]:
        known = self.names.setdefault(route.name, [])
        name = route.title if not known else f"{route.title}#{len(known) + 1}"
        known.append(name)
        if len(known) > 1:
            message = f"is the route {name}: its name in logs and counters is another one"
            self._findings.add("approximate", route.resource.what, f"path {route.path}", message)
        match = {"path": route.path, "hosts": route.hosts, "methods": route.methods, "headers": route.headers}
        found: dict[str, Any] = {"name": name, "match": {key: value for key, value in match.items() if value}}
        if upstream := self._upstream(route):
            found["upstream"] = upstream
        if plugins := self._chosen(route, fallbacks):
            found["plugins"] = plugins
        return found

    def _upstream(self, route: IngressRoute) -> str:
        if not route.shares:
            message = "has no destination: only a plugin answers"
            self._findings.add("exact", route.resource.what, "destination", message, place=route.resource.place("spec"))
            return ""
        share = route.shares[0]
        service = self._services.get(share.service)
        if service is not None and route.vhost in (service.authority, service.url.partition("://")[2]):
            self.services[service.name] = self.services[f"{service.name}:{service.port}"] = service.authority
            return service.url
        if route.vhost:
            message = "the upstream gets the Host of the client"
            place = route.resource.place("metadata")
            self._findings.add(
                "none", route.resource.what, "upstream-vhost", message, nearest="upstream: https://HOST", place=place
            )
        if service is None:
            message = f"no resource says where {share.service} is"
            nearest = f"write it into services: {share.service}: http://..."
            place = route.resource.place("metadata")
            self._findings.add("none", route.resource.what, "destination", message, nearest=nearest, place=place)
        port = share.port or (service.port if service else 0)
        return f"{share.service}:{port}" if port else share.service

    def _chosen(self, route: IngressRoute, fallbacks: Sequence[IngressRoute]) -> dict[str, Any]:
        later = [share for each in fallbacks for share in each.shares]
        for each in (route, *fallbacks):
            self.uses += self._uses(route, each)
        if len(route.shares) < 2 and not later:
            return {}
        shares = [self._with_port(share) for share in route.shares]
        for name in balancers(self._plugins):
            found = choice(self._plugins[name], route.name, shares, [self._with_port(share) for share in later])
            if found is not None:
                self._tell_balance(route, fallbacks)
                return {name: found}
        if len(shares) > 1:
            message = f"all requests go to {shares[0].service}"
            self._findings.add("none", route.resource.what, "destination", message, nearest="weights of ai-proxy")
        for each in fallbacks:
            self._findings.add("none", each.resource.what, "destination", "no request that has failed goes there")
        return {}

    def _tell_balance(self, route: IngressRoute, fallbacks: Sequence[IngressRoute]) -> None:
        if len(route.shares) > 1:
            self._findings.add("exact", route.resource.what, "destination", "becomes the weights of providers")
        for each in fallbacks:
            message = "is asked after a failure before the first content, also of a stream"
            self._findings.add("approximate", each.resource.what, "destination", message)

    def _uses(self, main: IngressRoute, route: IngressRoute) -> Iterator[Use]:
        for name in balancers(self._plugins):
            for share in map(self._with_port, route.shares):
                service = f"{share.service}:{share.port}" if share.port else share.service
                if share.weight and (provider := provider_of(self._plugins[name], main.name, share)):
                    yield Use(main.name, route.name, service, name, provider)

    def _with_port(self, share: Share) -> Share:
        service = self._services.get(share.service)
        return share if share.port or service is None else share._replace(port=service.port)


def _tell_hosts(routes: Sequence[IngressRoute], findings: Findings) -> None:
    """Envoy chooses by host first, and then does not look at the routes for all hosts."""
    if any(route.hosts for route in routes) and any(not route.hosts for route in routes):
        message = "a request for a host with routes of its own is 404 in Higress where none of these takes it"
        findings.add("approximate", "routes", "hosts", message)
    if wild := sorted({host for route in routes for host in route.hosts if "*" in host}):
        message = f"requests for {', '.join(wild)} are let in by whole names only"
        findings.add("approximate", "routes", "hosts", message, nearest="write the names that you call into hosts:")


def _spread(plugins: dict[str, Any], key: str, names: Mapping[str, list[str]]) -> None:
    """Puts other names into the rules of plugins."""
    several = {name: found for name, found in names.items() if found != [name]}
    for configuration in plugins.values():
        for rule in configuration.get("_rules_") or ():
            if isinstance(rule, dict) and isinstance(rule.get(key), list) and several:
                rule[key] = [each for name in rule[key] for each in several.get(name, [name])]


def _with_ours(listed: list[dict[str, Any]], ours: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The routes in the order that an export has written down, with what only aigw knows of them."""
    order = {str(each.get("name")): index for index, each in enumerate(ours)}
    kept = {str(each.get("name")): each for each in ours}
    found = sorted(listed, key=lambda route: order.get(route["name"], len(order)))
    for route in found:
        for key, value in kept.get(route["name"], {}).items():
            if key == "plugins":
                route["plugins"] = {**route.get("plugins", {}), **value}
            else:
                route[key] = value
    return [{key: value for key, value in route.items() if value not in ("", {})} for route in found]

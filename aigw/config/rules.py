"""Chooses the configuration of a plugin for a request, by Higress's rules.

Rules are tried in the order of the array, and the first that matches wins: a more specific rule does not come first. A
rule with routes is compared by these, and by its services if it has any. Every other rule is compared by one kind of
condition, the first that it has: domains, services, route prefixes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aigw.core.authority import host_of, host_pattern, without_port

MATCH_CONSUMER = "_match_consumer_"
"""A key that Higress takes beside `_match_route_prefix_`."""
NO_CONSUMERS = (
    "_match_consumer_ is not supported here: a plugin has the same configuration for all consumers of a route; give "
    "those consumers a route of their own, or take the rule out"
)
MATCH_KEYS = ("_match_route_", "_match_domain_", "_match_service_", "_match_route_prefix_")

NO_MATCH_KEY = (
    "there is at least one of  '_match_route_', '_match_domain_', '_match_service_' and '_match_route_prefix_' "
    "can present in configuration."
)
"""The error for a rule that matches nothing, in Higress's words."""


class HostForms(NamedTuple):
    """The form in which hosts are compared: one function brings a request's authority into it, one a pattern."""

    host: Callable[[str], str]
    pattern: Callable[[str], str]


SAFE_HOSTS = HostForms(host_of, host_pattern)
"""Compares hosts so that all spellings of one host are equal."""
HIGRESS_HOSTS = HostForms(without_port, str)
"""Capitals and the dot at the end make another host."""


class Rule(NamedTuple):
    """The match keys of a rule; empty ones are the same as absent ones."""

    routes: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def matches(self, route: str, host: str, service: str) -> bool:
        if self.routes:
            return route in self.routes and (not self.services or _is_service(self.services, service))
        if self.domains:
            return matches_domain(self.domains, host)
        if self.services:
            return _is_service(self.services, service)
        return route.startswith(self.prefixes)

    @property
    def looks_at_host(self) -> bool:
        return bool(self.domains) and not self.routes


class PluginRules:
    """The configurations of a plugin: one for each rule, in order, then the global one. `rules[i]` selects
    `configs[i]`.

    A configuration of None switches the plugin off where its rule matches. The last one is None if there is no global
    configuration. The first `from_routes` rules come from `routes:`."""

    __slots__ = ("_of_any", "_of_route", "configs", "from_routes", "rules")

    def __init__(self, rules: Sequence[Rule], configs: Sequence[Any], from_routes: int = 0) -> None:
        if len(configs) != len(rules) + 1:
            raise ValueError("one config a rule and the global one")
        self.rules = tuple(rules)
        self.configs = tuple(configs)
        self.from_routes = from_routes
        self._of_any = [position for position, rule in enumerate(self.rules) if not rule.routes]
        self._of_route: dict[str, list[int]] = {}
        for position, rule in enumerate(self.rules):
            for route in rule.routes:
                self._of_route.setdefault(route, []).append(position)

    @property
    def of_routes(self) -> dict[str, Any]:
        """The configurations under `routes:`, by the name of the route."""
        own = zip(self.rules[: self.from_routes], self.configs, strict=False)
        return {rule.routes[0]: config for rule, config in own}

    @property
    def of_rules(self) -> list[tuple[Rule, Any]]:
        """The entries of `_rules_`, each with its configuration."""
        return list(zip(self.rules, self.configs, strict=False))[self.from_routes :]

    @property
    def default(self) -> Any:
        """The global configuration."""
        return self.configs[-1]

    def select(self, route: str, host: str, service: str) -> int | None:
        """Returns the index in `configs` of the configuration that applies, None if the plugin does not take part.

        `host` is the host of the request, in the form of the patterns. `service` is `fqdn:port` or `fqdn`, or "" if the
        route has no upstream."""
        index = len(self.rules)
        for position in self._concerning(route):
            if self.rules[position].matches(route, host, service):
                index = position
                break
        return None if self.configs[index] is None else index

    def possible(self, route: str, service: str) -> list[Any]:
        """The configurations that requests of a route and service can get, whatever their host. None means that the
        plugin does not take part."""
        found = []
        for position in self._concerning(route):
            if self.rules[position].looks_at_host:
                found.append(self.configs[position])
            elif self.rules[position].matches(route, "", service):
                return [*found, self.configs[position]]
        return [*found, self.configs[-1]]

    def _concerning(self, route: str) -> Sequence[int]:
        """The positions of the rules that do not name other routes only, in their order. Without this, a thousand
        routes that each have a rule would take a million looks at the start."""
        named = self._of_route.get(route, ())
        return sorted({*named, *self._of_any}) if named else self._of_any

    def why(self, index: int) -> dict[str, Any]:
        """Says where `configs[index]` comes from. `config` is "global", "route" or "rule"; a rule also has its `index`
        in `_rules_` and its `match` keys."""
        if index == len(self.rules):
            return {"config": "global"}
        if index < self.from_routes:
            return {"config": "route"}
        match = {key: list(names) for key, names in zip(MATCH_KEYS, self.rules[index], strict=True) if names}
        return {"config": "rule", "index": index - self.from_routes, "match": match}

    def depends_on_host(self, route: str, service: str) -> bool:
        """Whether two requests of the same route and service can get different configurations."""
        for position in self._concerning(route):
            if self.rules[position].looks_at_host:
                return True
            if self.rules[position].matches(route, "", service):
                return False
        return False


def match_keys(raw: Mapping[str, Any], hosts: HostForms = SAFE_HOSTS) -> Rule:
    """The match keys of a raw rule. Their types were checked before. As in Higress, "" matches nothing."""
    rule = Rule(*(tuple(filter(None, map(str, raw.get(key) or ()))) for key in MATCH_KEYS))
    return rule._replace(domains=tuple(map(hosts.pattern, rule.domains)))


def matches_domain(patterns: Sequence[str], host: str) -> bool:
    """Whether one of the patterns (`*suffix`, `prefix*` or exact) matches the host, which has their form."""
    return any(_is_domain(pattern, host) for pattern in patterns)


def _is_domain(pattern: str, host: str) -> bool:
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    if pattern.endswith("*"):
        return host.startswith(pattern[:-1])
    return host == pattern


def _is_service(names: Sequence[str], service: str) -> bool:
    """Whether a service is among the names. A name is `fqdn` or `fqdn:port`."""
    fqdn, colon, _ = service.rpartition(":")
    return service in names or (bool(colon) and fqdn in names)

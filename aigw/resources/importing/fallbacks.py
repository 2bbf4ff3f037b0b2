"""Ingresses to which Higress sends what has failed on another one. They become no routes: the other one's route asks
their providers, and its plugins are not asked again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aigw.config.rules import MATCH_KEYS, match_keys
from aigw.resources.importing.unmapped import Unmapped, list_of
from aigw.resources.ingress import FALLBACK_HEADER, IngressRoute
from aigw.resources.report import Findings, Level

_RULES, _ROUTE = "_rules_", MATCH_KEYS[0]


def fallbacks_of(routes: Iterable[IngressRoute]) -> dict[str, list[IngressRoute]]:
    """The fallbacks of Ingresses, by the names of these."""
    listed = list(routes)
    names = {route.name for route in listed}
    found: dict[str, list[IngressRoute]] = {}
    for route in listed:
        if (main := route.headers.get(FALLBACK_HEADER, "")) in names - {route.name}:
            found.setdefault(main, []).append(route)
    return found


def take_rules(
    plugins: Mapping[str, Any], fallbacks: Mapping[str, Sequence[IngressRoute]], kept: Unmapped, findings: Findings
) -> None:
    """Takes out the rules of plugins that hold on fallbacks only, and keeps them for the way back."""
    mains = {route.name: main for main, routes in fallbacks.items() for route in routes}
    for name, configuration in plugins.items():
        rules = list_of(configuration, _RULES)
        for index in reversed(range(len(rules))):
            routes = list_of(rules[index], _ROUTE)
            if not routes or not all(route in mains for route in routes):
                continue
            is_same = all(_own(rules[index]) == _of_route(rules, mains[route]) for route in routes)
            message = f"{mains[routes[0]]} has asked its plugins already when it asks its fallback"
            level: Level = "exact" if is_same else "approximate"
            findings.add(level, f"plugin {name}", f"{_RULES}[{index}]", "" if is_same else message)
            kept.unknown(name, [((_RULES, index), rules.pop(index))])


def _of_route(rules: Sequence[Mapping[str, Any]], route: str) -> dict[str, Any]:
    """What the first rule says that names a route."""
    return next((_own(rule) for rule in rules if route in match_keys(rule).routes), {})


def _own(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key not in MATCH_KEYS}

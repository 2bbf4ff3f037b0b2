"""Gives the mappings of models that Higress has for each destination of a route to the providers.

In Higress, the plugin that maps models sees which destination a request has got. Here a provider is chosen after all
plugins, also the one that is asked after a failure. So where the destinations of a route have different mappings, these
become `modelMapping` of their providers. That cannot be done for a provider which other routes use with another
mapping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from aigw.config.plugins import find_plugin
from aigw.config.rules import MATCH_KEYS, match_keys
from aigw.resources.importing.unmapped import list_of, mapping_of
from aigw.resources.report import Findings

MAPPING = "modelMapping"
_RULES, _ROUTE = "_rules_", MATCH_KEYS[0]


class Use(NamedTuple):
    """A destination of a route, with the provider that is chosen for it. `route` is the Ingress whose rules hold for
    it: a fallback has one of its own. `main` is the Ingress that became the route."""

    main: str
    route: str
    service: str
    plugin: str
    provider: str


def move_mappings(plugins: dict[str, Any], uses: Iterable[Use], findings: Findings) -> None:
    """Changes `plugins`, and tells of it."""
    listed = list(dict.fromkeys(uses))
    for name in [*plugins]:
        about = find_plugin(name)
        if about is not None and MAPPING in {each.encode_name for each in msgspec.structs.fields(about.config)}:
            _Mappings(name, plugins, listed, findings).move()


class _Mappings:
    """The mappings of the plugin `name`, and those of providers."""

    def __init__(self, name: str, plugins: dict[str, Any], uses: Sequence[Use], findings: Findings) -> None:
        self._name = name
        self._plugins = plugins
        self._uses = uses
        self._findings = findings
        self._rules = list_of(plugins[name], _RULES)

    def move(self) -> None:
        done: set[str] = set()
        for main in dict.fromkeys(use.main for use in self._uses):
            if main in done or not self._differ(main):
                continue
            group = self._group(main)
            done |= {use.main for use in group}
            if reason := self._hindrance(group):
                for name in dict.fromkeys(use.main for use in group):
                    if self._differ(name):
                        message = f"all destinations get the model of the first: {reason}"
                        nearest = f"{MAPPING} of each provider"
                        self._findings.add("none", f"route {name}", self._name, message, nearest=nearest)
                continue
            for name in dict.fromkeys(use.main for use in group):
                message = f"becomes {MAPPING} of the providers, which map the model last"
                self._findings.add("approximate", f"route {name}", self._name, message)
            for use in group:
                if mapping := self._mapping(use):
                    self._provider(use)[MAPPING] = dict(mapping)
            self._forget({use.route for use in group})

    def _differ(self, main: str) -> bool:
        found = [self._mapping(use) for use in self._uses if use.main == main]
        return any(each != found[0] for each in found)

    def _group(self, main: str) -> list[Use]:
        """The uses of a route, and of all routes that share providers with it, or with each other."""
        mains, size = {main}, 0
        while len(mains) > size:
            size = len(mains)
            providers = {(use.plugin, use.provider) for use in self._uses if use.main in mains}
            mains |= {use.main for use in self._uses if (use.plugin, use.provider) in providers}
        return [use for use in self._uses if use.main in mains]

    def _hindrance(self, group: Sequence[Use]) -> str:
        """Why the mappings cannot be moved; "" if they can."""
        if mapping_of(self._plugins[self._name], MAPPING):
            return f"{self._name} has a mapping for all routes, too"
        mappings: dict[tuple[str, str], dict[str, Any]] = {}
        for use in group:
            rule, mapping = self._rule(use), self._mapping(use)
            if mappings.setdefault((use.plugin, use.provider), mapping) != mapping:
                return f"{use.provider} has several mappings"
            if mapping and mapping_of(self._provider(use), MAPPING) not in ({}, mapping):
                return f"{use.provider} has a {MAPPING} already"
            if rule and (not rule.get(_ROUTE) or set(rule) - {*MATCH_KEYS, MAPPING}):
                return f"a rule of {self._name} says more"
        return ""

    def _rule(self, use: Use) -> dict[str, Any]:
        found = (each for each in self._rules if match_keys(each).matches(use.route, "", use.service))
        return next(found, {})

    def _mapping(self, use: Use) -> dict[str, Any]:
        return mapping_of(self._rule(use) or self._plugins[self._name], MAPPING)

    def _provider(self, use: Use) -> dict[str, Any]:
        listed = list_of(self._plugins[use.plugin], "providers")
        return next((each for each in listed if isinstance(each, dict) and each.get("id") == use.provider), {})

    def _forget(self, routes: set[str]) -> None:
        """Takes routes out of the rules of the plugin, and the plugin out if no rule is left."""
        for rule in self._rules:
            if rule.get(_ROUTE):
                rule[_ROUTE] = [name for name in rule[_ROUTE] if name not in routes]
        self._rules[:] = [rule for rule in self._rules if rule.get(_ROUTE) != []]
        if not self._rules and set(self._plugins[self._name]) == {_RULES}:
            self._plugins.pop(self._name)

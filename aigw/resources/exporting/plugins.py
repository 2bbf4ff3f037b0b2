"""The configuration of a plugin as Higress takes it.

Higress has no prefixes of routes and cannot switch a plugin off for a route: both are said by naming routes, which an
export knows. What cannot be said so is told, and kept for aigw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE, RouteConfig
from aigw.config.plugins import LoadedPlugin, taken_over
from aigw.config.rules import MATCH_KEYS, Rule, match_keys
from aigw.resources.report import Findings

ROUTE, DOMAIN, SERVICE, PREFIX = MATCH_KEYS


class Configurations:
    """The configurations of plugins in Higress's form. `names` has the names of Ingresses by those of routes.
    `switched_off` has the plugins that are off on a route, which Higress cannot be told."""

    def __init__(
        self, loaded: Loaded, values: Mapping[str, Any], names: Mapping[str, str], renamed: Mapping[str, str],
        findings: Findings,
    ) -> None:  # fmt: skip
        """`values` is the file. `renamed` are services that have another name in a cluster."""
        self._loaded = loaded
        self._values = values
        self._names = names
        self._renamed = renamed
        self._findings = findings
        self._routes: list[RouteConfig] = loaded.config.routes or [DEFAULT_ROUTE]
        self.switched_off: dict[str, list[str]] = {}

    def write(self, plugin: LoadedPlugin) -> dict[str, Any]:
        name = plugin.name
        raw = dict((self._values.get("plugins") or {}).get(name) or {})
        has_global = plugin.rules.default is not None
        default = {key: value for key, value in raw.items() if key != "_rules_"}
        pairs = [
            *self._of_routes(name),
            *((match_keys(rule, self._loaded.hosts), _own(rule)) for rule in raw.get("_rules_") or ()),
        ]
        off = {rule.routes[0] for rule, own in pairs if own is None}
        above = default if plugin.about.inherits and has_global else {}
        if not off:
            told = [(rule, {**self._untaken(plugin, above, own), **own}) for rule, own in pairs if own is not None]
            rules = [self._rule(name, rule, own) for rule, own in told]
            return _joined(default if has_global else None, [rule for rule in rules if rule is not None])
        whole = [(rule, {**self._taken(plugin, above, own), **own}) for rule, own in pairs if own is not None]
        rules = [self._rule(name, rule, own, off) for rule, own in whole]
        if has_global:
            others = tuple(route.name for route in self._routes if route.name not in off)
            rules.append(self._rule(name, Rule(routes=others), default) if others else None)
        return _joined(None, [rule for rule in rules if rule is not None])

    def _taken(self, plugin: LoadedPlugin, default: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """What a rule takes over here from the global configuration."""
        return taken_over(plugin.about, default, own, exact=self._loaded.config.fidelity == "higress")

    def _untaken(self, plugin: LoadedPlugin, default: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """What a rule takes over here, but not in Higress."""
        theirs = taken_over(plugin.about, default, own, exact=True)
        return {key: value for key, value in self._taken(plugin, default, own).items() if key not in theirs}

    def _of_routes(self, name: str) -> Iterator[tuple[Rule, dict[str, Any] | None]]:
        listed = self._values.get("routes") or []
        for route, raw in zip(self._routes, listed, strict=False):
            own = (raw.get("plugins") or {}).get(name, ...)
            if own is not ...:
                yield Rule(routes=(route.name,)), None if own is False else (own or {})

    def _rule(self, name: str, rule: Rule, own: dict[str, Any], off: set[str] = frozenset()) -> dict[str, Any] | None:  # type: ignore[assignment]
        """The rule without the routes on which the plugin is off; None if it has none left."""
        if rule.prefixes and not (rule.routes or rule.domains or rule.services):
            rule = Rule(routes=self._held(rule))
            if not rule.routes:
                self._findings.add("exact", f"plugin {name}", PREFIX, "no route begins so: the rule is left out")
                return None
        if rule.looks_at_host and off:
            message = f"holds in Higress on the routes {', '.join(sorted(off))}, too, where the plugin is off"
            self._findings.add("none", f"plugin {name}", DOMAIN, message, nearest="a host for each of these routes")
            self.switched_off.setdefault(name, []).extend(sorted(off - set(self.switched_off.get(name, []))))
        elif off and not rule.routes:
            rule = Rule(routes=tuple(each for each in self._held(rule) if each not in off))
            if not rule.routes:
                return None
        elif off:
            rule = rule._replace(routes=tuple(each for each in rule.routes if each not in off))
            if not rule.routes:
                return None
        written: dict[str, Any] = {}
        if rule.routes:
            written[ROUTE] = [self._names.get(each, each) for each in rule.routes]
        if rule.domains and not rule.routes:
            written[DOMAIN] = list(rule.domains)
        if rule.services and (rule.routes or not rule.domains):
            written[SERVICE] = [self._renamed.get(each, each) for each in rule.services]
        return {**written, **own}

    def _held(self, rule: Rule) -> tuple[str, ...]:
        """The routes on which a rule without hosts holds."""
        names = (route.name for route in self._routes)
        return tuple(name for name in names if rule.matches(name, "", self._loaded.service(name)))


def _own(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key not in MATCH_KEYS}


def _joined(default: dict[str, Any] | None, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {**(default or {}), **({"_rules_": rules} if rules or default is None else {})}

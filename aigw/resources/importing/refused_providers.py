"""Leaves out the providers that aigw refuses, so that the others serve: in the list of Higress's console, one of a kind
that is not spoken here stands beside many that are.

What chooses such a provider goes with it: rules, and the shares of a route."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from aigw.config.report import Finding
from aigw.core.json_path import JsonPath, format_path
from aigw.resources.importing.balance import ACTIVE, FALLBACK, WEIGHTS
from aigw.resources.importing.routes import balancers
from aigw.resources.importing.unmapped import Unmapped, list_of, mapping_of
from aigw.resources.report import Findings
from aigw.resources.wasm_plugin import PluginResource

_PROVIDER, _PROVIDERS, _RULES = "provider", "providers", "_rules_"
_SAFE = "fidelity: higress"
"""What an error names that is none without it."""
_UNSERVED = "the provider {} is left out: requests for it go to the destination as they came"


def leave_out_providers(
    values: dict[str, Any],
    errors: Sequence[Finding],
    parts: Sequence[PluginResource],
    kept: Unmapped,
    findings: Findings,
) -> bool:
    """Takes providers with a mistake out of `values`, and tells of them. Returns whether there was one."""
    plugins = mapping_of(values, "plugins")
    wrong: dict[JsonPath, list[Finding]] = {}
    for error in errors:
        if (place := _place(error.path, balancers(plugins))) is not None:
            wrong.setdefault(place, []).append(error)
    for name in {str(place[1]) for place in wrong}:
        part = next((each for each in parts if each.plugin == name), None)
        leaving = _Leaving(name, values, part, kept, findings)
        leaving.providers({place: found for place, found in wrong.items() if place[1] == name})
    return bool(wrong)


def _place(path: JsonPath, names: Sequence[str]) -> JsonPath | None:
    """The place of the provider in which a mistake is, or of the rule that has providers of its own."""
    match path:
        case ("plugins", str(name), "providers", int(), *_) if name in names:
            return path[:4]
        case ("plugins", str(name), "_rules_", int(), "provider" | "providers", *_) if name in names:
            return path[:4]
    return None


class _Leaving:
    """What leaves the configuration of one plugin."""

    def __init__(
        self, name: str, values: dict[str, Any], part: PluginResource | None, kept: Unmapped, findings: Findings
    ) -> None:
        self._name = name
        self._configuration: dict[str, Any] = values["plugins"][name]
        self._routes = list_of(values, "routes")
        self._part = part
        self._kept = kept
        self._findings = findings

    def providers(self, wrong: dict[JsonPath, list[Finding]]) -> None:
        lost = set()
        for place in sorted(wrong, reverse=True):  # those that stand behind others first
            for error in wrong[place]:
                what = "provider" if place[-2] == _PROVIDERS else "rule"
                nearest = "aigw higress import --safe" if _SAFE in error.message else ""
                self._tell(error.path[2:], f"{error.message}; this {what} is left out", nearest)
            gone = self._take(place[2:])
            if place[-2] == _PROVIDERS and isinstance(gone, dict):
                lost.add(str(gone.get("id")))
        if lost:
            self._choices(lost)
        for id_ in sorted(lost):
            self._shares(id_)

    def _choices(self, lost: Collection[str]) -> None:
        """Takes out what chooses a provider that is gone."""
        rules = list_of(self._configuration, _RULES)
        for index in reversed(range(len(rules))):
            rule = rules[index]
            if rule.get(ACTIVE) in lost and _PROVIDER not in rule and _PROVIDERS not in rule:
                self._tell((_RULES, index), _UNSERVED.format(rule[ACTIVE]))
                self._take((_RULES, index))
        if (active := self._configuration.get(ACTIVE)) in lost:
            self._tell((ACTIVE,), _UNSERVED.format(active))
            self._take((ACTIVE,))

    def _shares(self, id_: str) -> None:
        """Gives the shares of a provider that is gone to the others of a route."""
        for route in self._routes:
            own = mapping_of(mapping_of(route, "plugins"), self._name)
            weights = {name: weight for name, weight in mapping_of(own, WEIGHTS).items() if name != id_}
            later = [name for name in list_of(own, FALLBACK) if name != id_]
            if (
                own.get(ACTIVE) != id_
                and len(weights) == len(mapping_of(own, WEIGHTS))
                and later == own.get(FALLBACK, [])
            ):
                continue
            others = list(
                dict.fromkeys([*([own[ACTIVE]] if own.get(ACTIVE) not in (None, id_) else []), *weights, *later])
            )
            message = f"the provider {id_} is left out; {others[0] if others else 'nobody'} gets its requests"
            self._findings.add("none", f"route {route['name']}", f"{self._name}.{ACTIVE}", message)
            own |= {ACTIVE: others[0] if others else "", WEIGHTS: weights if len(weights) > 1 else {}}
            own[FALLBACK] = [name for name in later if name != own[ACTIVE]]
            kept = {key: value for key, value in own.items() if value}
            route["plugins"][self._name] = kept
            if not kept:
                route["plugins"].pop(self._name)

    def _take(self, place: JsonPath) -> Any:
        """Takes a part of the configuration out, and keeps it for the way back."""
        node: Any = self._configuration
        for step in place[:-1]:
            node = node[step]
        value = node.pop(place[-1])
        self._kept.unknown(self._name, [(place, value)])
        return value

    def _tell(self, place: JsonPath, message: str, nearest: str = "") -> None:
        what, where = (self._part.resource.what, self._part.resource.place("spec")) if self._part else (self._name, "")
        self._findings.add("none", what, format_path(place), message, nearest=nearest, place=where)

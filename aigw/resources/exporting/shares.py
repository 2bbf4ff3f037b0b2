"""Writes the rules of a plugin for routes whose providers share the requests. In Higress, each provider is a
destination, and a rule for each destination chooses its provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw.config.load import Loaded
from aigw.config.rules import MATCH_KEYS
from aigw.resources.exporting.routes import Ingresses
from aigw.resources.importing.balance import ACTIVE, WEIGHTS
from aigw.resources.importing.unmapped import mapping_of
from aigw.resources.report import Findings
from aigw.resources.wasm_plugin import MATCHES

DOMAIN = MATCH_KEYS[1]


def with_shares(
    name: str,
    configuration: dict[str, Any],
    loaded: Loaded,
    values: Mapping[str, Any],
    ingresses: Ingresses,
    names: Mapping[str, str],
    findings: Findings,
) -> dict[str, Any]:
    """Returns the configuration of the plugin `name` with rules for the shares in front. What the file has for such a
    route is kept for aigw. `values` is the file, `names` has the names of Ingresses by those of routes."""
    raw = mapping_of(mapping_of(values, "plugins"), name)
    default = {key: value for key, value in raw.items() if key != "_rules_"}
    has_default = any(key != "_rules_" for key in configuration)
    rules = []
    for route, (plugin, shares) in ingresses.shared.items():
        if plugin != name:
            continue
        own = _own(route, name, loaded, values)
        if any(DOMAIN in rule for rule in raw.get("_rules_") or ()):
            message = f"does not hold in Higress on the route {route}, whose providers share its requests"
            findings.add("none", f"plugin {name}", DOMAIN, message, nearest="a route for each of these hosts")
        whole = own if has_default else {**default, **own}
        rest = {key: value for key, value in whole.items() if key not in (ACTIVE, WEIGHTS)}
        for id_, destination in shares:
            match = {MATCHES["ingress"]: [names[route]], MATCHES["service"]: [destination.rpartition(":")[0]]}
            rules.append({**match, **rest, ACTIVE: id_})
        ingresses.ours.setdefault(route, {}).setdefault("plugins", {})[name] = own
    return {**configuration, "_rules_": rules + configuration.get("_rules_", [])} if rules else configuration


def _own(route: str, name: str, loaded: Loaded, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration of a plugin that holds on a route, as it is written in the file: that of the route, of
    a rule, or of the plugin."""
    for each in values.get("routes") or []:
        if each.get("name") == route and isinstance(mapping_of(each, "plugins").get(name), dict):
            return dict(each["plugins"][name])
    rules = loaded.plugins[name].rules
    index = rules.select(route, "", loaded.service(route))
    raw = mapping_of(mapping_of(values, "plugins"), name)
    if index is None or index >= len(rules.rules) or index < rules.from_routes:
        return {key: value for key, value in raw.items() if key in (WEIGHTS, ACTIVE)}
    rule = raw["_rules_"][index - rules.from_routes]
    return {key: value for key, value in rule.items() if not key.startswith("_match_")}

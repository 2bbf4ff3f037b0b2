"""The sections of a configuration that no resource of Higress has, for the ConfigMap that keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE
from aigw.resources.config_map import SECTIONS
from aigw.resources.exporting.services import Services
from aigw.resources.importing.unmapped import mapping_of
from aigw.resources.report import Findings


def other_sections(
    loaded: Loaded,
    values: Mapping[str, Any],
    services: Services,
    routes: Mapping[str, Mapping[str, Any]],
    switched_off: Mapping[str, Collection[str]],
    findings: Findings,
) -> dict[str, Any]:
    """`values` is the file. `routes` has what of each route only aigw can be told, and `switched_off` the plugins that
    are off on routes, which Higress cannot be told."""
    sections: dict[str, Any] = {}
    for key, value in values.items():
        if key in SECTIONS:
            sections[key] = value
            known = SECTIONS[key]
            findings.add(known.level, key, "", known.message, nearest=known.nearest)
    sections.setdefault("fidelity", loaded.config.fidelity)
    if left := _other_services(values, services, findings):
        sections["services"] = left
    own = {name: plugin.about.nearest for name, plugin in loaded.plugins.items() if plugin.about.nearest}
    raw = mapping_of(values, "plugins")
    for name, nearest in own.items():
        findings.add("none", f"plugin {name}", "", "Higress has no such plugin", nearest=nearest)
        if name in raw:
            sections.setdefault("plugins", {})[name] = raw[name]
    if own and "order" in values:
        sections["order"] = values["order"]
    sections["routes"] = _routes(loaded, values, routes, switched_off, own)
    return sections


def _other_services(values: Mapping[str, Any], services: Services, findings: Findings) -> dict[str, Any]:
    """The entries of `services:` that are no service of a McpBridge."""
    found = {}
    table = mapping_of(values, "services")
    bares = {name: name.rpartition(":")[0] or name for name in table}
    for name, url in table.items():
        service = services.found.get(bares[name])
        is_alone = list(bares.values()).count(bares[name]) == 1
        if service is None or not is_alone or not _same(service.url, str(url)):
            found[name] = url
        if service is None:
            message = "no service of the configuration has this name"
            findings.add("none", "services", name, message, nearest="a registry in a McpBridge")
    return found


def _same(one: str, other: str) -> bool:
    """Whether two URLs are one address."""
    return one.removesuffix("/") == other.removesuffix("/").removesuffix("/0")


def _routes(
    loaded: Loaded,
    values: Mapping[str, Any],
    ours: Mapping[str, Mapping[str, Any]],
    switched_off: Mapping[str, Collection[str]],
    own: Collection[str],
) -> list[dict[str, Any]]:
    """The routes in their order, each with what only aigw can be told. `own` are plugins that Higress does not have."""
    found = []
    raw = {each.get("name"): mapping_of(each, "plugins") for each in values.get("routes") or []}
    for route in loaded.config.routes or [DEFAULT_ROUTE]:
        kept = dict(ours.get(route.name, {}))
        plugins = {
            **mapping_of(kept, "plugins"),
            **{name: value for name, value in raw.get(route.name, {}).items() if name in own},
            **{name: False for name, off in switched_off.items() if route.name in off},
        }
        found.append({"name": route.name, **kept, **({"plugins": plugins} if plugins else {})})
    return found

"""Makes resources of a Higress of a configuration of aigw, and says what will not be the same there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aigw.config.model import DEFAULT_ROUTE
from aigw.config.plugins import LoadedPlugin
from aigw.core.plugin import Place
from aigw.higress.places import sort
from aigw.resources.exporting.plugins import Configurations, own_keys
from aigw.resources.exporting.routes import Ingresses, ingress_names
from aigw.resources.exporting.services import Services
from aigw.resources.exporting.source import Given, portable
from aigw.resources.importing.balance import ACTIVE, WEIGHTS
from aigw.resources.importing.configuration import KEPT, mapping_of
from aigw.resources.ingress import read_ingress
from aigw.resources.mcp_bridge import write_registries
from aigw.resources.ours import SECTIONS, write_sections
from aigw.resources.report import Findings
from aigw.resources.resource import GATEWAY_NAMESPACE, Resource
from aigw.resources.text import yaml_of
from aigw.resources.wasm_plugin import write_plugin

_STEP = 10
"""Between the priorities of two plugins whose order is not Higress's."""


class Exported(NamedTuple):
    """`secrets` has the keys that the Secret `aigw` of the cluster must have, each with its value if the file has it,
    else "". The values are not to be shown."""

    resources: list[dict[str, Any]]
    findings: Findings
    secrets: Mapping[str, str]


def exported(config: Given) -> Exported:
    return _Export(config).result()


def files_of(resources: list[dict[str, Any]]) -> dict[str, str]:
    """A file a resource: its name and its text."""
    return {f"{each['kind'].lower()}-{each['metadata']['name']}.yaml": yaml_of(each) for each in resources}


class _Export:
    def __init__(self, config: Given) -> None:
        loaded = self._loaded = config.loaded
        self._values, self._secrets = portable(config)
        self._kept = mapping_of(self._values, KEPT)
        self._findings = Findings()
        self._names = ingress_names(loaded)
        self._services = Services(loaded, self._findings)
        self._ingresses = Ingresses(loaded, self._services, self._names, self._findings)

    def result(self) -> Exported:
        routes = self._loaded.config.routes or [DEFAULT_ROUTE]
        kept = mapping_of(self._kept, "routes")
        written = [
            self._ingresses.write(route, mapping_of(mapping_of(kept, route.name), "annotations")) for route in routes
        ]
        names = self._names
        configurations = Configurations(self._loaded, self._values, names, self._ingresses.renamed, self._findings)
        plugins = list(self._plugins(configurations))
        registries = write_registries(self._services.found.values()) + mapping_of(self._kept, "registries", list)
        bridge = {
            "apiVersion": "networking.higress.io/v1",
            "kind": "McpBridge",
            "metadata": {"name": "default", "namespace": GATEWAY_NAMESPACE},
            "spec": {"registries": registries},
        }
        self._tell_order(written)
        sections = self._sections(configurations)
        resources = [*([bridge] if registries else []), *written, *plugins, *mapping_of(self._kept, "resources", list)]
        if sections or self._services.unmapped:
            resources.append(write_sections(sections, self._services.unmapped, GATEWAY_NAMESPACE))
        return Exported(resources, self._findings, self._secrets)

    def _plugins(self, configurations: Configurations) -> Iterator[dict[str, Any]]:
        places = self._places()
        kept = mapping_of(self._kept, "plugins")
        exportable = {name: each for name, each in self._loaded.plugins.items() if each.about.higress}
        written = {name: configurations.write(plugin) for name, plugin in exportable.items()}
        self._services.of_plugins(written)
        for name, plugin in exportable.items():
            self._tell_plugin(plugin, written[name])
            configuration = self._shared(name, _with_unknown(written[name], name, self._kept))
            yield write_plugin(name, GATEWAY_NAMESPACE, places[name], configuration, mapping_of(kept, name))

    def _shared(self, name: str, configuration: dict[str, Any]) -> dict[str, Any]:
        """The configuration with a rule for each destination of a route whose providers share its requests."""
        rules = []
        for route, (plugin, shares) in self._ingresses.shared.items():
            if plugin != name:
                continue
            own = self._own(route, name)
            rest = {key: value for key, value in own.items() if key not in (ACTIVE, WEIGHTS)}
            if configuration.get(ACTIVE) is None and "providers" not in rest:
                rest |= {
                    key: configuration[key]
                    for key in ("providers",)
                    if key in configuration and not self._inherits(name)
                }
            for id_, destination in shares:
                match = {"_match_route_": [self._names[route]], "_match_service_": [destination.rpartition(":")[0]]}
                rules.append({**match, **rest, ACTIVE: id_})
            self._ingresses.ours.setdefault(route, {}).setdefault("plugins", {})[name] = own
        return {**configuration, "_rules_": rules + configuration.get("_rules_", [])} if rules else configuration

    def _inherits(self, name: str) -> bool:
        return self._loaded.plugins[name].about.inherits

    def _own(self, route: str, name: str) -> dict[str, Any]:
        """What holds for a plugin on a route, as the file has it: of the route, of a rule, or of the plugin."""
        for each in self._values.get("routes") or []:
            if each.get("name") == route and isinstance(mapping_of(each, "plugins").get(name), dict):
                return dict(each["plugins"][name])
        rules = self._loaded.plugins[name].rules
        index = rules.select(route, "", self._loaded.service(route))
        raw = mapping_of(mapping_of(self._values, "plugins"), name)
        if index is None or index >= len(rules.rules) or index < rules.from_routes:
            return {key: value for key, value in raw.items() if key in (WEIGHTS, ACTIVE)}
        rule = raw["_rules_"][index - rules.from_routes]
        return {key: value for key, value in rule.items() if not key.startswith("_match_")}

    def _places(self) -> dict[str, Place]:
        """A place for each plugin, so that the cluster has the same order."""
        order = list(self._loaded.plugins)
        usual = {name: plugin.about.place for name, plugin in self._loaded.plugins.items()}
        kept = {name: _place(mapping_of(self._kept, "plugins"), name, place) for name, place in usual.items()}
        for places in (kept, usual):
            if sort(places) == order:
                return places
        self._findings.add("exact", "order", "", "becomes the priorities of the plugins")
        return {name: Place("", _STEP * (len(order) - index)) for index, name in enumerate(order)}

    def _tell_plugin(self, plugin: LoadedPlugin, configuration: Mapping[str, Any]) -> None:
        what = f"plugin {plugin.name}"
        configs = [configuration, *(configuration.get("_rules_") or ())]
        for key in dict.fromkeys(key for config in configs for key in own_keys(plugin.about, config)):
            nearest = "several destinations of an AI route" if key in (WEIGHTS, "fallback") else ""
            level = (
                "exact"
                if key == WEIGHTS and any(p == plugin.name for p, _ in self._ingresses.shared.values())
                else "none"
            )
            self._findings.add(level, what, key, "Higress ignores this key", nearest=nearest)  # type: ignore[arg-type]
        if self._loaded.config.fidelity == "safe" and plugin.about.differences:
            message = f"does {len(plugin.about.differences)} things otherwise"
            self._findings.add(
                "approximate", what, "", message, nearest=f"aigw plugins {plugin.name}; fidelity: higress"
            )
        else:
            self._findings.add("exact", what, "")

    def _tell_order(self, written: list[dict[str, Any]]) -> None:
        """Says where Higress would try routes in another order."""
        ranks = []
        for each in written:
            metadata = each["metadata"]
            resource = Resource("Ingress", metadata["name"], metadata["namespace"], each)
            ranks += [route.rank for route in read_ingress(resource, Findings())][:1]
        if ranks != sorted(ranks):
            message = "Higress tries whole paths first, then longer ones, whatever the order of the file"
            self._findings.add(
                "approximate", "routes", "", message, nearest="paths and headers that exclude each other"
            )

    def _sections(self, configurations: Configurations) -> dict[str, Any]:
        """What no resource of Higress has."""
        sections: dict[str, Any] = {}
        for key, value in self._values.items():
            if key in SECTIONS:
                sections[key] = value
                known = SECTIONS[key]
                self._findings.add(known.level, key, "", known.message, nearest=known.nearest)
        sections.setdefault("fidelity", self._loaded.config.fidelity)
        if services := self._other_services():
            sections["services"] = services
        own = [name for name, plugin in self._loaded.plugins.items() if not plugin.about.higress]
        raw = mapping_of(self._values, "plugins")
        for name in own:
            self._findings.add(
                "none", f"plugin {name}", "", "Higress has no such plugin", nearest=_NEAREST.get(name, "")
            )
            if name in raw:
                sections.setdefault("plugins", {})[name] = raw[name]
        if own and "order" in self._values:
            sections["order"] = self._values["order"]
        if routes := self._routes(configurations, own):
            sections["routes"] = routes
        return sections

    def _other_services(self) -> dict[str, Any]:
        """The entries of `services:` that are no service of a McpBridge."""
        found = {}
        table = mapping_of(self._values, "services")
        bares = {name: name.rpartition(":")[0] or name for name in table}
        for name, url in table.items():
            bare = bares[name]
            service = self._services.found.get(bare)
            is_alone = list(bares.values()).count(bare) == 1
            if service is None or not is_alone or not _same(service.url, str(url)):
                found[name] = url
                if service is None:
                    message = "no service of the configuration has this name"
                    self._findings.add("none", "services", name, message, nearest="a registry in a McpBridge")
        return found

    def _routes(self, configurations: Configurations, own: list[str]) -> list[dict[str, Any]]:
        found = []
        raw = {each.get("name"): each for each in self._values.get("routes") or []}
        for route in self._loaded.config.routes or [DEFAULT_ROUTE]:
            ours: dict[str, Any] = {"name": route.name, **self._ingresses.ours.get(route.name, {})}
            plugins = dict(ours.get("plugins", {}))
            plugins |= {
                name: value for name, value in mapping_of(raw.get(route.name), "plugins").items() if name in own
            }
            plugins |= {name: False for name, off in configurations.switched_off.items() if route.name in off}
            if plugins:
                ours["plugins"] = plugins
            found.append(ours)
        return found


_NEAREST: dict[str, str] = {}


def _place(kept: Mapping[str, Any], name: str, usual: Place) -> Place:
    spec = mapping_of(mapping_of(kept, name), "spec")
    if not isinstance(spec.get("priority"), int):
        return usual
    phase = str(spec.get("phase", "")).replace("UNSPECIFIED_PHASE", "")
    return Place(phase, spec["priority"])  # type: ignore[arg-type]


def _same(one: str, other: str) -> bool:
    """Whether two URLs are one address."""
    return one.removesuffix("/") == other.removesuffix("/").removesuffix("/0")


def _with_unknown(configuration: dict[str, Any], name: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the keys that an import took out, where what they stood in is still there."""
    found: dict[str, Any] = json.loads(json.dumps(configuration))
    for each in mapping_of(kept, "unknown", list):
        at = each.get("at") if isinstance(each, dict) else None
        if not isinstance(at, list) or at[:2] != ["plugins", name] or len(at) < 3:
            continue
        node: Any = found
        for step in at[2:-1]:
            try:
                node = node[step]
            except (KeyError, IndexError, TypeError):
                node = None
                break
        if isinstance(node, dict):
            node.setdefault(at[-1], each.get("value"))
    return found

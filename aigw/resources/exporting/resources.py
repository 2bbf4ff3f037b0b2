"""Makes resources of a Higress of a configuration of aigw, and says what will not be the same there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from aigw.config.model import DEFAULT_ROUTE
from aigw.resources.config_map import write_sections
from aigw.resources.exporting.losses import tell_order, tell_plugin
from aigw.resources.exporting.places import places_of
from aigw.resources.exporting.plugins import Configurations
from aigw.resources.exporting.routes import Ingresses, ingress_names
from aigw.resources.exporting.sections import other_sections
from aigw.resources.exporting.services import Services
from aigw.resources.exporting.shares import with_shares
from aigw.resources.exporting.source import SourceConfig, portable
from aigw.resources.importing.unmapped import KEPT, list_of, mapping_of
from aigw.resources.mcp_bridge import write_registries
from aigw.resources.report import Findings
from aigw.resources.resource import GATEWAY_NAMESPACE
from aigw.resources.text import yaml_of
from aigw.resources.wasm_plugin import write_plugin


class Exported(NamedTuple):
    """The result of an export. `secrets` has the keys that the Secret `aigw` of the cluster must have, each with its
    value if the file has it, else "". The values are not to be shown."""

    resources: list[dict[str, Any]]
    findings: Findings
    secrets: Mapping[str, str]


def exported(config: SourceConfig) -> Exported:
    return _Export(config).result()


def files_of(resources: list[dict[str, Any]]) -> dict[str, str]:
    """A file a resource: its name and its text."""
    return {_file(each): yaml_of(each) for each in resources}


def _file(resource: Mapping[str, Any]) -> str:
    metadata = resource["metadata"]
    namespace = metadata.get("namespace", GATEWAY_NAMESPACE)
    name = metadata["name"] if namespace == GATEWAY_NAMESPACE else f"{namespace}.{metadata['name']}"
    return f"{resource['kind'].lower()}-{name}.yaml".replace("/", "-")


class _Export:
    def __init__(self, config: SourceConfig) -> None:
        loaded = self._loaded = config.loaded
        self._values, self._secrets = portable(config)
        self._kept = mapping_of(self._values, KEPT)
        _give_back(self._values, list_of(self._kept, "unknown"))
        self._findings = Findings()
        self._names = ingress_names(loaded)
        self._services = Services(loaded, self._findings)
        self._ingresses = Ingresses(loaded, self._services, self._names, self._findings)

    def result(self) -> Exported:
        loaded, values, findings = self._loaded, self._values, self._findings
        kept = mapping_of(self._kept, "routes")
        routes = [
            self._ingresses.write(route, mapping_of(kept, route.name))
            for route in loaded.config.routes or [DEFAULT_ROUTE]
        ]
        configurations = Configurations(loaded, values, self._names, self._ingresses.renamed, findings)
        plugins = list(self._plugins(configurations))
        tell_order(routes, findings)
        off, ours = configurations.switched_off, self._ingresses.ours
        sections = other_sections(loaded, values, self._services, ours, off, findings)
        kept_whole = list_of(self._kept, "resources")
        config_map = write_sections(sections, self._services.unmapped, GATEWAY_NAMESPACE)
        return Exported([*self._bridge(), *routes, *plugins, *kept_whole, config_map], findings, self._secrets)

    def _bridge(self) -> Iterator[dict[str, Any]]:
        registries = write_registries(self._services.found.values()) + list_of(self._kept, "registries")
        if registries:
            yield {
                "apiVersion": "networking.higress.io/v1",
                "kind": "McpBridge",
                "metadata": {"name": "default", "namespace": GATEWAY_NAMESPACE},
                "spec": {"registries": registries},
            }

    def _plugins(self, configurations: Configurations) -> Iterator[dict[str, Any]]:
        kept = mapping_of(self._kept, "plugins")
        places = places_of(self._loaded, kept, self._findings)
        is_safe = self._loaded.config.fidelity == "safe"
        sharing = {name for name, _ in self._ingresses.shared.values()}
        exportable = {name: each for name, each in self._loaded.plugins.items() if not each.about.nearest}
        written = {name: configurations.write(plugin) for name, plugin in exportable.items()}
        self._services.of_plugins(written)
        for name, plugin in exportable.items():
            own = written[name]
            tell_plugin(plugin, own, self._findings, is_safe=is_safe, shares=name in sharing)
            whole = with_shares(name, own, self._loaded, self._values, self._ingresses, self._names, self._findings)
            yield write_plugin(name, GATEWAY_NAMESPACE, places[name], whole, mapping_of(kept, name))


def _give_back(values: dict[str, Any], unknown: list[Any]) -> None:
    """Puts back what an import took out, if the place from which it came still exists. Items of lists come first, the
    last one that was taken out in front, because the places of keys are those of the whole lists."""
    places = [
        (each["at"], each.get("value")) for each in unknown if isinstance(each, dict) and _is_place(each.get("at"))
    ]
    for at, value in reversed(places):
        if isinstance(at[-1], int) and isinstance(node := _node(values, at), list):
            node.insert(at[-1], value)
    for at, value in places:
        if isinstance(at[-1], str) and isinstance(node := _node(values, at), dict):
            node.setdefault(at[-1], value)


def _is_place(at: Any) -> bool:
    return isinstance(at, list) and len(at) >= 3 and at[0] == "plugins"


def _node(values: dict[str, Any], at: list[Any]) -> Any:
    """What the place is in; None if that does not exist."""
    node: Any = values
    for step in at[:-1]:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node

"""Makes a configuration of aigw of the resources of a Higress.

Rule: what is written starts, and has no secret; whatever of the resources does not mean the same is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from aigw.config.load import examine
from aigw.config.model import GatewayConfig
from aigw.config.plugins import find_plugin
from aigw.config.report import Finding
from aigw.core.json_path import JsonPath, format_path
from aigw.core.plugin import Place
from aigw.higress.places import OTHER_PLACES, sort
from aigw.resources.importing.plugins import in_order, joined, usable
from aigw.resources.importing.routes import routes_of
from aigw.resources.importing.services import services_of
from aigw.resources.ingress import IngressRoute, read_ingress
from aigw.resources.mcp_bridge import RESOLVED, Service, read_bridge
from aigw.resources.ours import kept_sections, unmapped
from aigw.resources.report import Findings
from aigw.resources.resource import Resource
from aigw.resources.text import yaml_of
from aigw.resources.variables import Variables, in_cluster, in_file, literal, references_in
from aigw.resources.wasm_plugin import PluginResource, read_plugin

KEPT = "x-higress"
_SECTIONS = [field.encode_name for field in msgspec.structs.fields(GatewayConfig)]
Fidelity = Literal["safe", "higress"]
_SKIPPED = {
    "ConfigMap": ("none", "settings of the whole gateway are not read"),
    "Secret": ("exact", "is never read"),
    "Namespace": ("exact", ""),
    "IngressClass": ("exact", ""),
}
"""Kinds that are known, and have no part in a configuration."""


class Imported(NamedTuple):
    """`values` is the configuration as plain data. `variables` has the names that its texts refer to, each with the
    secret of the resources, "" if that is in the cluster only. They are not to be shown."""

    values: dict[str, Any]
    findings: Findings
    variables: Mapping[str, str]
    places: Mapping[str, JsonPath]

    def text(self) -> str:
        """The file, with the variables to set in a comment."""
        head = ["# From resources of Higress, by `aigw higress import`."]
        if self.variables:
            head += ["# Set these variables, for example in .env beside this file:"]
            head += [f"#   {name}  ({format_path(self.places[name])})" for name in sorted(self.variables)]
        body = yaml_of(self.values) if self.values else "{}\n"
        return "\n".join([*head, body])


def imported(resources: Sequence[Resource], fidelity: Fidelity = "higress") -> Imported:
    """Raises ConfigError for a resource that a cluster would refuse, too, with its file and line."""
    return _Import(resources, fidelity).result()


class _Import:
    def __init__(self, resources: Sequence[Resource], fidelity: Fidelity) -> None:
        self._resources = resources
        self._fidelity = fidelity
        self._findings = Findings()
        known = [references_in(resource.values) for resource in resources]
        self._variables = Variables(in_file, literal, taken=set().union(*known))
        self._kept: dict[str, Any] = {}
        self._unmapped: set[str] = set()

    def result(self) -> Imported:
        services, routes, parts, sections = self._read()
        ours = sections.pop("routes", [])
        names = dict.fromkeys([part.plugin for part in parts])
        plugins = {name: self._plugin(name, [part for part in parts if part.plugin == name]) for name in names}
        known = {name: found for name, found in plugins.items() if found is not None}
        listed, origins = routes_of(routes, services, known, ours, self._findings)
        values: dict[str, Any] = {"fidelity": self._fidelity, **sections}
        found = services_of(services, routes, listed, known, self._findings)
        found = {name: url for name, url in found.items() if name not in self._unmapped}
        values["services"] = {**found, **mapping_of(sections, "services")}
        values["plugins"] = {**known, **mapping_of(sections, "plugins")}
        values["routes"] = listed
        if origins and "cors" not in values:
            values["cors"] = {"origins": origins}
        hosts = list(dict.fromkeys(host for route in routes for host in route.hosts if "*" not in host))
        if "fidelity" not in sections:
            values["hosts"] = hosts
        order = self._order(parts, list(values["plugins"]))
        if order and "order" not in values:
            values["order"] = order
        self._keep_settings(parts, has_order=bool(order))
        self._keep_routes(routes)
        values = {key: values[key] for key in _SECTIONS if values.get(key) not in ({}, [], None)}
        values = self._variables.hide(values, ())
        self._leave_out_what_is_refused(values)
        self._tell_plugins(values.get("plugins", {}), parts)
        if self._kept:
            hidden = Variables(in_cluster, literal, keep_references=True, beside=self._variables)
            values[KEPT] = hidden.hide(self._kept, (KEPT,))
        return Imported(values, self._findings, self._variables.values, self._variables.places)

    def _read(self) -> tuple[list[Service], list[IngressRoute], list[PluginResource], dict[str, Any]]:
        services: list[Service] = []
        routes: list[IngressRoute] = []
        parts: list[PluginResource] = []
        sections: dict[str, Any] = {}
        for resource in self._resources:
            if resource.kind == "McpBridge":
                services += read_bridge(resource, self._findings)
            elif resource.kind == "Ingress":
                routes += read_ingress(resource, self._findings)
            elif resource.kind == "WasmPlugin":
                parts.append(read_plugin(resource, self._findings))
            elif (own := kept_sections(resource)) is not None:
                sections |= own
                self._unmapped |= unmapped(resource)
                self._findings.add("exact", resource.what, "", "is what aigw has written there", place=resource.place())
            else:
                self._skip(resource)
        return services, routes, parts, sections

    def _skip(self, resource: Resource) -> None:
        level, message = _SKIPPED.get(resource.kind, ("unknown", "is no kind that means anything here, and is skipped"))
        self._findings.add(level, resource.what, "", message, place=resource.place())  # type: ignore[arg-type]

    def _plugin(self, name: str, parts: list[PluginResource]) -> dict[str, Any] | None:
        """The configuration of a plugin, None if aigw has no such plugin or none of its resources is delivered."""
        parts = in_order(parts)
        if find_plugin(name) is None:
            for part in parts:
                self._keep_resource(part.resource)
                message = "aigw does not have this plugin" if name in OTHER_PLACES else "is a plugin of your own"
                self._findings.add(
                    "unknown", part.resource.what, f"plugin {name}", message, place=part.resource.place()
                )
            return None
        delivered = [part for part in parts if part.configuration is not None]
        for part in parts:
            if part.configuration is None:
                message = "is switched off, and no rule switches it on"
                self._findings.add("exact", part.resource.what, "spec", message, place=part.resource.place("spec"))
        if not delivered:
            self._keep_resource(parts[0].resource)
            return None
        clean, unknown = usable(name, joined(delivered, self._findings), delivered[0].resource, self._findings)
        if unknown:
            self._kept.setdefault("unknown", []).extend(
                {"at": ["plugins", name, *path], "value": value} for path, value in unknown
            )
        return clean

    def _tell_plugins(self, names: Iterable[str], parts: Iterable[PluginResource]) -> None:
        """Says of the plugins that are there what they do otherwise."""
        for part in parts:
            about = find_plugin(part.plugin)
            if about is None or part.plugin not in names or part.configuration is None:
                continue
            name, count, place = part.plugin, len(about.differences), part.resource.place("spec")
            if self._fidelity == "safe" and count:
                message = f"{count} things are safer than in Higress: aigw plugins {name}"
                self._findings.add(
                    "approximate", part.resource.what, "spec", message, nearest="fidelity: higress", place=place
                )
            else:
                self._findings.add("exact", part.resource.what, "spec", place=place)

    def _keep_settings(self, parts: Iterable[PluginResource], *, has_order: bool) -> None:
        """What the resources of plugins have beside their configuration. An `order:` says more than priorities."""
        for part in parts:
            about = find_plugin(part.plugin)
            if about is None or part.configuration is None or part.plugin in self._kept.get("plugins", {}):
                continue
            is_moved = not has_order and part.place not in (None, about.place)
            if is_moved or part.has_settings:
                self._kept.setdefault("plugins", {})[part.plugin] = part.settings

    def _keep_routes(self, routes: Iterable[IngressRoute]) -> None:
        """What has no meaning here, so that an export gives it back."""
        for route in routes:
            if route.kept:
                self._kept.setdefault("routes", {}).setdefault(route.title, {})["annotations"] = route.kept
        registries = [
            registry
            for resource in self._resources
            if resource.kind == "McpBridge"
            for registry in mapping_of(resource.values.get("spec"), "registries", list)
            if isinstance(registry, dict) and registry.get("type") not in RESOLVED
        ]
        if registries:
            self._kept["registries"] = registries

    def _keep_resource(self, resource: Resource) -> None:
        self._kept.setdefault("resources", []).append(resource.portable())

    def _order(self, parts: Iterable[PluginResource], names: list[str]) -> list[str]:
        """The order of the plugins, if the priorities of the resources make another one than Higress's."""
        usual: dict[str, Place] = {}
        given: dict[str, Place] = {}
        for name in names:
            about = find_plugin(name)
            if about is None:
                continue
            usual[name] = about.place
            own = in_order(part for part in parts if part.plugin == name and part.configuration is not None)
            given[name] = next((part.place for part in own if part.place is not None), about.place)
        return sort(given) if sort(given) != sort(usual) else []

    def _leave_out_what_is_refused(self, values: dict[str, Any]) -> None:
        """Leaves out plugins with a configuration that aigw refuses. Higress does not start them either, but for what
        it takes without a word."""
        text = yaml_of(values).encode()
        env = {name: value or f"unknown-{name}" for name, value in self._variables.values.items()}
        loaded, report = examine(None, env, text=text)
        if loaded is not None:
            return
        wrong = [error for error in report.errors if error.path[:1] == ("plugins",) and len(error.path) > 1]
        on_routes = [error for error in report.errors if error.path[:1] == ("routes",) and "plugins" in error.path]
        for error in wrong:
            self._refuse(values, str(error.path[1]), error)
        for error in on_routes:
            values["routes"][error.path[1]].pop("plugins", None)
            self._findings.add("none", f"routes[{error.path[1]}]", format_path(error.path[2:]), error.message)
        if wrong or on_routes:
            if "order" in values:
                values["order"] = [name for name in values["order"] if name in values.get("plugins", {})]
            self._leave_out_what_is_refused(values)
        elif "order" in values and any(error.path[:1] == ("order",) for error in report.errors):
            self._findings.add("none", "order", "", report.errors[0].message)
            del values["order"]
            self._leave_out_what_is_refused(values)
        else:
            for error in report.errors:
                self._findings.add("none", "aigw.yaml", format_path(error.path), error.message)

    def _refuse(self, values: dict[str, Any], name: str, error: Finding) -> None:
        message = f"{error.message}; the plugin is left out, as Higress does not start it either"
        for resource in self._resources:
            if resource.kind == "WasmPlugin" and read_plugin(resource, Findings()).plugin == name:
                self._findings.add(
                    "none", resource.what, format_path(error.path[2:]), message, place=resource.place("spec")
                )
                if resource.portable() not in self._kept.get("resources", []):
                    self._keep_resource(resource)
        values.get("plugins", {}).pop(name, None)
        self._kept.get("plugins", {}).pop(name, None)


def mapping_of(value: Any, key: str, type_: type = dict) -> Any:
    """What a mapping has under a key, or an empty one of the type if it has nothing of it there."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, type_) else type_()

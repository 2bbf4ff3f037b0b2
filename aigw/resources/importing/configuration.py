"""Makes a configuration of aigw from the resources of a Higress.

Rule: aigw starts with the result, which has no secret. Everything in the resources that does not mean the same is
reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from aigw.config.model import GatewayConfig
from aigw.config.source import MAX_BYTES
from aigw.core.errors import ConfigError
from aigw.core.json_path import JsonPath, format_path
from aigw.resources.config_map import kept_sections, unmapped
from aigw.resources.importing.fallbacks import fallbacks_of, take_rules
from aigw.resources.importing.other_kinds import fate_of
from aigw.resources.importing.plugins import Plugins
from aigw.resources.importing.refusals import TOO_LARGE, leave_out
from aigw.resources.importing.routes import routes_of
from aigw.resources.importing.services import services_of
from aigw.resources.importing.unmapped import KEPT, Unmapped, mapping_of
from aigw.resources.ingress import IngressRoute, is_canary, read_ingress
from aigw.resources.mcp_bridge import Service, read_bridge
from aigw.resources.report import Findings
from aigw.resources.resource import Resource
from aigw.resources.text import yaml_of
from aigw.resources.variables import Variables, in_cluster, literal, references_in
from aigw.resources.wasm_plugin import PluginResource, read_plugin

_SECTIONS = [field.encode_name for field in msgspec.structs.fields(GatewayConfig)]
Fidelity = Literal["safe", "higress"]


class Imported(NamedTuple):
    """The result of an import. `values` is the configuration as plain data. `variables` has the names that its texts
    refer to, each with the secret of the resources, "" if that is in the cluster only. They are not to be shown."""

    values: dict[str, Any]
    findings: Findings
    variables: Mapping[str, str]
    places: Mapping[str, JsonPath]

    def text(self) -> str:
        """The file, with the variables to set in a comment. Raises ConfigError if it is larger than a configuration may
        be."""
        head = ["# From resources of Higress, by `aigw higress import`."]
        if self.variables:
            head += ["# Set these variables, for example in .env beside this file:"]
            head += [f"#   {name}  ({format_path(self.places[name])})" for name in sorted(self.variables)]
        body = yaml_of(self.values) if self.values else "{}\n"
        text = "\n".join([*head, body])
        if len(text.encode()) > MAX_BYTES:
            raise ConfigError([TOO_LARGE])
        return text


def imported(resources: Sequence[Resource], fidelity: Fidelity = "higress") -> Imported:
    """Raises ConfigError for a resource that a cluster would refuse, too, with its file and line."""
    return _Import(resources, fidelity).result()


class _Import:
    """The resources by their kinds. `ours` are the sections that an export has written, and `unmapped` the services
    that need no entry."""

    def __init__(self, resources: Sequence[Resource], fidelity: Fidelity) -> None:
        self._fidelity = fidelity
        self._findings = Findings()
        self._kept = Unmapped()
        self._references = {name for resource in resources for name in references_in(resource.values)}
        self._ingresses = {resource.full_name for resource in resources if resource.kind == "Ingress"}
        self._services: list[Service] = []
        self._routes: list[IngressRoute] = []
        self._parts: list[PluginResource] = []
        self._ours: dict[str, Any] = {}
        self._unmapped: set[str] = set()
        for resource in resources:
            self._read(resource)

    def _read(self, resource: Resource) -> None:
        if resource.kind == "McpBridge":
            self._services += read_bridge(resource, self._findings)
            self._kept.registries(resource)
        elif resource.kind == "Ingress" and is_canary(resource):
            self._kept.resource(resource)
            message = "takes no requests: all go to the Ingress that it shares with"
            place, nearest = resource.place("metadata", "annotations"), "weights of ai-proxy"
            self._findings.add("none", resource.what, "canary", message, nearest=nearest, place=place)
        elif resource.kind == "Ingress":
            self._routes += read_ingress(resource, self._findings)
        elif resource.kind == "WasmPlugin":
            self._parts.append(read_plugin(resource, self._findings))
        elif (own := kept_sections(resource)) is not None:
            self._ours |= own
            self._unmapped |= unmapped(resource)
            self._findings.add("exact", resource.what, "", "is what aigw has written there", place=resource.place())
        else:
            level, message, nearest = fate_of(resource, self._ingresses)
            self._findings.add(level, resource.what, "", message, nearest=nearest, place=resource.place())

    def result(self) -> Imported:
        plugins = Plugins(self._parts, self._kept, self._findings)
        self._kept.routes(self._routes)
        values = self._values(plugins)
        whole = {key: values[key] for key in _SECTIONS if values.get(key) not in ({}, [], None)}
        values, variables = leave_out(whole, self._references, self._parts, self._kept, self._findings)
        plugins.tell(mapping_of(values, "plugins"), is_safe=values["fidelity"] == "safe")
        if self._kept.sections:
            hidden = Variables(in_cluster, literal, keep_references=True, beside=variables, wary=True)
            values[KEPT] = hidden.hide(self._kept.sections, (KEPT,))
        return Imported(values, self._findings, variables.values, variables.places)

    def _values(self, plugins: Plugins) -> dict[str, Any]:
        """The configuration, with its secrets. What aigw has written itself goes before what resources say."""
        ours, known = dict(self._ours), plugins.configurations
        own_routes = ours.pop("routes", [])
        routes, origins = routes_of(self._routes, self._services, known, own_routes, self._findings)
        take_rules(known, fallbacks_of(self._routes), self._kept, self._findings)
        services = services_of(self._services, self._routes, routes, known, self._findings)
        services = {name: url for name, url in services.items() if name not in self._unmapped}
        values: dict[str, Any] = {"fidelity": self._fidelity, "cors": {"origins": origins} if origins else {}}
        if "fidelity" not in ours:
            hosts = (host for route in self._routes for host in route.hosts if "*" not in host)
            values["hosts"] = list(dict.fromkeys(hosts))
        values |= ours
        values["services"] = {**services, **mapping_of(ours, "services")}
        values["plugins"] = {**known, **mapping_of(ours, "plugins")}
        values["routes"] = routes
        order = plugins.order(values["plugins"])
        values.setdefault("order", order)
        plugins.keep_settings(has_order=bool(order))
        return values

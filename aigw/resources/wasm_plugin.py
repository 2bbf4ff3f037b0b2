"""Reads the resource of a plugin of Higress, and the configuration that the gateway gets from it.

Higress turns `defaultConfig` and `matchRules` into one configuration with `_rules_`, in the order of the array. A rule
that is disabled is left out, so that other rules and the default decide about its routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from aigw.config.check import Checker
from aigw.config.plugins import find_plugin
from aigw.config.report import Report
from aigw.config.rules import NO_MATCH_KEY
from aigw.core.errors import ConfigError
from aigw.core.json_path import format_path
from aigw.core.plugin import Place
from aigw.resources.report import Findings
from aigw.resources.resource import Resource, mapping
from aigw.resources.shapes import WasmPluginSpec
from aigw.resources.unknown import prune

NAME_LABEL = "higress.io/wasm-plugin-name"
_IMAGES = "oci://higress-registry.cn-hangzhou.cr.aliyuncs.com/plugins"
"""The registry with the images of Higress's own plugins."""
MATCHES = {"ingress": "_match_route_", "domain": "_match_domain_", "service": "_match_service_"}
_VERSION = "2.0.0"
_CONFIGURATION = ("defaultConfig", "defaultConfigDisable", "matchRules", "pluginConfig")
_NO_NAME = ("plugin", "main", "extension", "")
_PHASES = {"UNSPECIFIED_PHASE": "", "AUTHN": "AUTHN", "AUTHZ": "AUTHZ", "STATS": "STATS"}


class PluginResource(NamedTuple):
    """A plugin as its resource has it. `configuration` is what the gateway gets, None if the plugin is not delivered.
    `settings` is the rest of the resource that must be given back: image, place, what is disabled."""

    plugin: str
    resource: Resource
    place: Place | None
    configuration: dict[str, Any] | None
    settings: dict[str, Any]

    @property
    def has_settings(self) -> bool:
        """Whether they are others than those that `write_plugin` writes by itself."""
        usual = {"url": image_of(self.plugin), "failStrategy": "FAIL_OPEN"}
        spec = {key: value for key, value in self.settings["spec"].items() if key not in ("phase", "priority")}
        return spec != usual or self.settings["name"] != self.plugin or len(self.settings["labels"]) > 1


def plugin_name(resource: Resource) -> str:
    """Returns the name of the plugin: from its label, else from its image, else from the name of the resource."""
    if label := resource.labels.get(NAME_LABEL):
        return label
    url = str(mapping(resource.values.get("spec")).get("url") or "")
    parts = re.split(r"[?#@]", url, maxsplit=1)[0].rstrip("/").split("/")
    for part in reversed(parts[1:]):
        name = part.partition(":")[0].removesuffix(".wasm")
        if name not in _NO_NAME:
            return name
    return re.sub(r"(-v?\d+(\.\d+)*|\.internal)$", "", resource.name)


def image_of(name: str) -> str:
    """The image of a plugin of Higress."""
    about = find_plugin(name)
    return f"{_IMAGES}/{name}:{about.image if about is not None else _VERSION}"


def read_plugin(resource: Resource, findings: Findings) -> PluginResource:
    """Raises ConfigError with the line of what a cluster would refuse, too."""
    pruned = prune(resource.values.get("spec") or {}, WasmPluginSpec)
    for path, _ in pruned.unknown:
        field = format_path(("spec", *path))
        findings.add(
            "unknown", resource.what, field, "is no field of this resource", place=resource.place("spec", *path)
        )
    report = Report(resource.file, resource.source.lines)
    spec = Checker(resource.source, report).convert(pruned.value, WasmPluginSpec, (*resource.start, "spec"))
    if spec is None:
        raise ConfigError(report.format_all(report.errors))
    for index, rule in enumerate(spec.match_rules):
        if rule.route_type == "GRPC" and not rule.config_disable:
            field, at = f"spec.matchRules[{index}].routeType", resource.place("spec", "matchRules", index)
            findings.add("none", resource.what, field, "the rule holds for all requests, not for gRPC alone", place=at)
    name = plugin_name(resource)
    try:
        configuration = effective(spec)
    except ValueError as error:
        raise ConfigError([f"{resource.place('spec', 'matchRules')} {resource.what}: {error}"]) from None
    place = None if spec.priority is None else Place(_PHASES[spec.phase], spec.priority)  # type: ignore[arg-type]
    return PluginResource(name, resource, place, configuration, _settings(resource, spec, pruned.unknown))


def effective(spec: WasmPluginSpec) -> dict[str, Any] | None:
    """Returns the configuration that the gateway gets, None if it does not get the plugin at all. Raises ValueError for
    a rule without any condition."""
    if spec.plugin_config:
        return spec.plugin_config
    rules = []
    for index, rule in enumerate(spec.match_rules):
        if rule.config_disable:
            continue
        match = {key: getattr(rule, field) for field, key in MATCHES.items() if getattr(rule, field)}
        if not match:
            raise ValueError(f"rule {index + 1} of matchRules has neither ingress, domain nor service; {NO_MATCH_KEY}")
        rules.append({**match, **(rule.config or {})})
    found: dict[str, Any] = {} if spec.default_config_disable else dict(spec.default_config or {})
    if rules:
        found["_rules_"] = rules
    elif spec.default_config_disable:
        return None
    return found


def _settings(resource: Resource, spec: WasmPluginSpec, unknown: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Returns the settings that have no meaning here, and also a disabled configuration."""
    written = msgspec.to_builtins(spec)
    kept: dict[str, Any] = {key: value for key, value in written.items() if key not in _CONFIGURATION}
    if spec.default_config_disable and spec.default_config:
        kept["defaultConfig"] = spec.default_config
    if disabled := [rule for rule in written.get("matchRules", ()) if rule.get("configDisable")]:
        kept["matchRules"] = disabled
    kept |= {path[0]: value for path, value in unknown if len(path) == 1}
    return {"name": resource.name, "labels": resource.labels, "spec": kept}


def write_plugin(
    name: str, namespace: str, place: Place, configuration: Mapping[str, Any], kept: Mapping[str, Any]
) -> dict[str, Any]:
    """The resource of a plugin. `kept` is what an import kept of it."""
    spec: dict[str, Any] = {
        "url": image_of(name),
        "phase": place.phase or "UNSPECIFIED_PHASE",
        "priority": place.priority,
        **({} if kept else {"failStrategy": "FAIL_OPEN"}),
        **{key: value for key, value in mapping(kept.get("spec")).items() if key not in ("phase", "priority")},
    }
    default = {key: value for key, value in configuration.items() if key != "_rules_"}
    rules = configuration.get("_rules_") or ()
    has_default = bool(default) or "_rules_" not in configuration
    if has_default:
        spec["defaultConfig"] = default
    spec["defaultConfigDisable"] = not has_default
    written = [_write_rule(rule) for rule in rules] + list(spec.pop("matchRules", ()))
    if written:
        spec["matchRules"] = written
    return {
        "apiVersion": "extensions.higress.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {
            "name": kept.get("name") or name,
            "namespace": namespace,
            "labels": {NAME_LABEL: name, **mapping(kept.get("labels"))},
        },
        "spec": spec,
    }


def _write_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    match = {field: rule[key] for field, key in MATCHES.items() if rule.get(key)}
    config = {key: value for key, value in rule.items() if not key.startswith("_match_")}
    return {**match, "configDisable": False, "config": config}

"""Leaves out of a configuration what aigw refuses, so that the rest starts: a provider, a rule with one, or a whole
plugin."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from aigw.config.load import examine
from aigw.config.report import Finding
from aigw.config.source import MAX_BYTES
from aigw.core.errors import ConfigError
from aigw.core.json_path import format_path
from aigw.resources.importing.refused_providers import leave_out_providers
from aigw.resources.importing.unmapped import Unmapped, mapping_of
from aigw.resources.report import Findings
from aigw.resources.text import yaml_of
from aigw.resources.variables import Variables, in_file, literal
from aigw.resources.wasm_plugin import PluginResource

TOO_LARGE = f"this makes a configuration of more than {MAX_BYTES >> 20} MiB; import fewer resources"


def leave_out(
    values: dict[str, Any],
    references: Collection[str],
    parts: Sequence[PluginResource],
    kept: Unmapped,
    findings: Findings,
) -> tuple[dict[str, Any], Variables]:
    """Takes what is wrong out of `values`, and tells of it. Returns the rest without its secrets, and these.
    `references` are names of variables that mean something else. Raises ConfigError if the configuration is too large
    to be read."""
    while True:
        if len(json.dumps(values)) > 2 * MAX_BYTES:  # before all of it is written
            raise ConfigError([TOO_LARGE])
        variables = Variables(in_file, literal, taken=references)
        hidden = variables.hide(values, ())
        env = {name: value or f"unknown-{name}" for name, value in variables.values.items()}
        loaded, report = examine(None, env, text=yaml_of(hidden).encode())
        if loaded is not None:
            return hidden, variables
        before = json.dumps(values)
        if not leave_out_providers(values, report.errors, parts, kept, findings):
            for error in report.errors:
                _leave_out(values, error, parts, kept, findings)
        if "order" in values:
            there = mapping_of(values, "plugins")
            values["order"] = [name for name in values["order"] if name in there]
        if json.dumps(values) == before:
            for error in report.errors:
                findings.add("none", "aigw.yaml", format_path(error.path), error.message)
            return hidden, variables


def _leave_out(
    values: dict[str, Any], error: Finding, parts: Sequence[PluginResource], kept: Unmapped, findings: Findings
) -> None:
    match error.path:
        case ("plugins", str(name), *rest):
            for part in parts:
                if part.plugin == name:
                    kept.resource(part.resource)
                    field, place = format_path(tuple(rest)), part.resource.place("spec")
                    findings.add("none", part.resource.what, field, _message(error, part), place=place)
            mapping_of(values, "plugins").pop(name, None)
            kept.without(name)
        case ("routes", int(index), "plugins", *rest):
            if values["routes"][index].pop("plugins", None) is not None:
                findings.add(
                    "none", f"route {values['routes'][index]['name']}", format_path(tuple(rest)), error.message
                )
        case ("order", *_):
            findings.add("none", "order", "", error.message)
            values.pop("order", None)


def _message(error: Finding, part: PluginResource) -> str:
    told = f"{error.message}; the plugin is left out"
    strategy = mapping_of(part.settings, "spec").get("failStrategy")
    return told if strategy == "FAIL_OPEN" else f"{told}, though Higress refuses requests then (failStrategy)"

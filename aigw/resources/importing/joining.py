"""Joins the resources of one plugin, and brings its configuration into a form that aigw can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aigw.config.plugins import find_plugin
from aigw.config.rules import MATCH_KEYS
from aigw.core.json_path import JsonPath, format_path
from aigw.core.plugin import About
from aigw.higress.places import sort
from aigw.resources.descriptions import UNUSED, keys_that_say
from aigw.resources.report import Findings
from aigw.resources.resource import Resource
from aigw.resources.unknown import prune
from aigw.resources.wasm_plugin import PluginResource

_RULES = "_rules_"


def in_order(parts: Iterable[PluginResource]) -> list[PluginResource]:
    """The resources of one plugin, the one that sees a request first in front."""
    listed = list(parts)
    places = {str(index): part.place for index, part in enumerate(listed) if part.place is not None}
    first = [listed[int(index)] for index in sort(places)]
    return [*first, *(part for part in listed if part.place is None)]


def joined(parts: list[PluginResource], findings: Findings) -> dict[str, Any]:
    """Joins the configurations of one plugin: the rules of all, and the default of the first that has one. Every part
    is delivered."""
    rules: list[Any] = []
    default: dict[str, Any] | None = None
    for part in parts:
        configuration = part.configuration or {}
        rules += configuration.get(_RULES) or []
        own = {key: value for key, value in configuration.items() if key != _RULES}
        has_default = bool(own) or _RULES not in configuration
        if has_default and default is not None:
            message = "is a second default configuration of this plugin, which is not used; Higress runs both"
            findings.add("none", part.resource.what, "spec.defaultConfig", message, place=part.resource.place("spec"))
        elif has_default:
            default = own
    if len(parts) > 1:
        names = ", ".join(part.resource.name for part in parts)
        message = f"{names} become one plugin; where several of them hold for a request, Higress runs each"
        findings.add("approximate", f"plugin {parts[0].plugin}", "", message)
    return {**(default or {}), **({_RULES: rules} if rules or default is None else {})}


def usable(
    name: str, configuration: dict[str, Any], resource: Resource, findings: Findings
) -> tuple[dict[str, Any], list[tuple[JsonPath, Any]]]:
    """Returns the configuration without the keys that aigw's plugin does not know, and these keys with their places."""
    about = find_plugin(name)
    assert about is not None
    unknown: list[tuple[JsonPath, Any]] = []
    default = {key: value for key, value in configuration.items() if key != _RULES}
    clean = _clean(default, about, (), unknown, resource, findings)
    if _RULES in configuration:
        clean[_RULES] = []
        for index, rule in enumerate(configuration[_RULES]):
            if not isinstance(rule, Mapping):
                clean[_RULES].append(rule)
                continue
            match = {key: value for key, value in rule.items() if key in MATCH_KEYS}
            own = {key: value for key, value in rule.items() if key not in match}
            clean[_RULES].append({**match, **_clean(own, about, (_RULES, index), unknown, resource, findings)})
    return clean, unknown


def _clean(
    raw: dict[str, Any], about: About[Any], path: JsonPath, unknown: Any, resource: Resource, findings: Findings
) -> dict[str, Any]:
    pruned = prune(raw, about.config, path)
    unknown += pruned.unknown
    place = resource.place("spec")
    for at, value in pruned.unknown:
        if _is_empty(value):
            findings.add("exact", resource.what, format_path(at), "is empty", place=place)
        else:
            findings.add("unknown", resource.what, format_path(at), "is no key of this plugin here", place=place)
    for at, today in pruned.renamed:
        findings.add("exact", resource.what, format_path(at), f"is read as {today}", place=place)
    clean: dict[str, Any] = pruned.value
    for key in keys_that_say(about.config, clean, contain=UNUSED, path=path):
        findings.add("none", resource.what, key, "is not used by this version of aigw", place=place)
    return clean


def _is_empty(value: Any) -> bool:
    """Whether a key says nothing. Higress's console writes such keys for whatever is left empty in a form."""
    return not value and not isinstance(value, bool)

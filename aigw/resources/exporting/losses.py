"""Reports the parts of plugins and routes that do not mean the same in Higress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.config.plugins import LoadedPlugin
from aigw.resources.descriptions import OWN, SAFE, keys_that_say
from aigw.resources.importing.balance import WEIGHTS
from aigw.resources.ingress import read_ingress
from aigw.resources.report import Findings
from aigw.resources.resource import Resource

_NEAREST = {
    "weights": "several destinations with weights in an AI route",
    "fallback": "the fallback of an AI route, in Higress's console",
    "byModel": "model-router and a route for each model",
    "rules": "Higress's plugin transformer, for headers and JSON",
    "table": "the networks that geo-ip has in it",
}
"""What comes nearest in Higress to keys that only aigw has, by the end of the key's path."""


def tell_plugin(
    plugin: LoadedPlugin, configuration: Mapping[str, Any], findings: Findings, *, is_safe: bool, shares: bool
) -> None:
    """`shares`: whether the weights of providers have become destinations of routes."""
    what = f"plugin {plugin.name}"
    marks = (OWN, SAFE) if is_safe else (OWN,)
    configs = [configuration, *(configuration.get("_rules_") or ())]
    found = [key for config in configs for key in keys_that_say(plugin.about.config, config, begin=marks)]
    for key in dict.fromkeys(found):
        if key == WEIGHTS and shares:
            findings.add("exact", what, key, "becomes the destinations of routes")
        else:
            nearest = next((text for end, text in _NEAREST.items() if key.endswith(end)), "")
            findings.add("none", what, key, "Higress ignores this key", nearest=nearest)
    if is_safe and plugin.about.differences:
        count = len(plugin.about.differences)
        message = f"does {count} thing{'s' if count > 1 else ''} otherwise"
        nearest = f"aigw plugins {plugin.name}; fidelity: higress"
        findings.add("approximate", what, "", message, nearest=nearest)
    else:
        findings.add("exact", what, "")


def tell_order(ingresses: Sequence[Mapping[str, Any]], findings: Findings) -> None:
    """Says where Higress would try routes in another order."""
    ranks = []
    for each in ingresses:
        metadata = each["metadata"]
        resource = Resource("Ingress", metadata["name"], metadata["namespace"], dict(each))
        ranks += [route.rank for route in read_ingress(resource, Findings())][:1]
    if ranks != sorted(ranks):
        message = "Higress tries whole paths first, then longer ones, whatever the order of the file"
        findings.add("approximate", "routes", "", message, nearest="paths and headers that exclude each other")

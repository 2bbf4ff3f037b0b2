"""The sections of aigw.yaml that no resource of Higress has: an export writes them into a ConfigMap `aigw`, which means
nothing to Higress, and an import reads them there.

What each of them comes near to in Higress is a table, by the name of the section."""

from __future__ import annotations

from typing import Any, NamedTuple

from aigw.config.source import read_stream
from aigw.core.errors import ConfigError
from aigw.resources.report import Level
from aigw.resources.resource import Resource, mapping
from aigw.resources.text import yaml_of

NAME, FILE, UNMAPPED = "aigw", "aigw.yaml", "unmapped-services"


class Counterpart(NamedTuple):
    """What a section means for a Higress, and what comes nearest there."""

    level: Level
    message: str
    nearest: str = ""


SECTIONS = {
    "listen": Counterpart("approximate", "the Service of the gateway says where it listens", "Helm: gateway.service"),
    "fidelity": Counterpart("exact", ""),
    "state_dir": Counterpart("exact", ""),
    "cache": Counterpart("exact", ""),
    "usage": Counterpart("none", "usage is not kept", "ai-statistics and the access log"),
    "max_body": Counterpart("approximate", "a larger body is refused by other rules", "ai-proxy: 100 MiB"),
    "max_kept_upload": Counterpart("exact", ""),
    "timeouts": Counterpart("none", "times are Envoy's", "annotation higress.io/timeout on each Ingress"),
    "cors": Counterpart(
        "approximate",
        "pages may send the usual headers only, such as Authorization",
        "cors-allow-headers: x-api-key, ...",
    ),
    "prices": Counterpart("none", "costs are not counted"),
    "rag": Counterpart(
        "none", "documents and embedders of this machine are not there", "DashVector and DashScope in ai-rag"
    ),
    "guard": Counterpart("none", "the screen of this machine is not there", "Content Security in ai-security-guard"),
    "record": Counterpart("none", "nothing is recorded"),
    "standins": Counterpart(
        "none", "nobody answers for the clouds", "the clouds themselves, as services of a McpBridge"
    ),
    "responses": Counterpart("none", "responses are not kept", "a provider that keeps them"),
    "admin_key": Counterpart("none", "there are no such pages", "Higress's console"),
    "hosts": Counterpart("exact", "every host is let in"),
}


def kept_sections(resource: Resource) -> dict[str, Any] | None:
    """Returns the sections in a ConfigMap that an export has written, None for any other ConfigMap. Raises ConfigError
    if it cannot be read."""
    text = mapping(resource.values.get("data")).get(FILE)
    if resource.kind != "ConfigMap" or not isinstance(text, str):
        return None
    sources, report = read_stream(text.encode(), resource.place("data", FILE))
    if report.errors:
        raise ConfigError(report.format_all(report.errors))
    return sources[0].values if sources else {}


def unmapped(resource: Resource) -> set[str]:
    """The services that aigw finds by itself, or answers for, though the cluster must have them."""
    text = mapping(resource.values.get("data")).get(UNMAPPED)
    return set(text.split()) if isinstance(text, str) else set()


def write_sections(sections: dict[str, Any], services: set[str], namespace: str) -> dict[str, Any]:
    """The ConfigMap. `services` are those that do not stand in `services:`."""
    text = yaml_of(sections)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": namespace},
        "data": {FILE: text, UNMAPPED: "\n".join(sorted(services))},
    }

"""The parts of resources that mean nothing to aigw. An import keeps them under `x-higress:`, and an export gives them
back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aigw.core.json_path import JsonPath
from aigw.resources.ingress import IngressRoute
from aigw.resources.mcp_bridge import RESOLVED
from aigw.resources.resource import Resource

KEPT = "x-higress"


class Unmapped:
    """What an import keeps. `sections` is the value of `x-higress:`."""

    def __init__(self) -> None:
        self.sections: dict[str, Any] = {}

    def resource(self, resource: Resource) -> None:
        """Keeps a whole resource."""
        kept = self.sections.setdefault("resources", [])
        if (portable := resource.portable()) not in kept:
            kept.append(portable)

    def settings(self, plugin: str, settings: dict[str, Any]) -> None:
        """Keeps what the resource of a plugin has beside its configuration. If a plugin has several resources, the
        first counts."""
        self.sections.setdefault("plugins", {}).setdefault(plugin, settings)

    def unknown(self, plugin: str, found: Iterable[tuple[JsonPath, Any]]) -> None:
        """Keys of a plugin that aigw does not know, with their places."""
        listed = [{"at": ["plugins", plugin, *path], "value": value} for path, value in found]
        if listed:
            self.sections.setdefault("unknown", []).extend(listed)

    def routes(self, routes: Iterable[IngressRoute]) -> None:
        """Annotations of Ingresses, and paths without which these mean something else."""
        for route in routes:
            if route.kept:
                kept = self.sections.setdefault("routes", {}).setdefault(route.title, {"annotations": route.kept})
                if (path := route.written) is not None:
                    written = {"path": path.path, "pathType": path.path_type}
                    kept.setdefault("paths", {}).setdefault(route.path, written)

    def registries(self, bridge: Resource) -> None:
        """Registries that have to be asked for their services."""
        listed = list_of(bridge.values.get("spec"), "registries")
        asked = [each for each in listed if isinstance(each, dict) and each.get("type") not in RESOLVED]
        if asked:
            self.sections.setdefault("registries", []).extend(asked)

    def without(self, plugin: str) -> None:
        """Forgets the settings of a plugin that is left out, because its resource is kept as a whole."""
        self.sections.get("plugins", {}).pop(plugin, None)
        if not self.sections.get("plugins"):
            self.sections.pop("plugins", None)


def mapping_of(value: Any, key: str) -> dict[str, Any]:
    """The mapping that a mapping has under a key, or {} if it has none there."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def list_of(value: Any, key: str) -> list[Any]:
    """The list that a mapping has under a key, or [] if it has none there."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []

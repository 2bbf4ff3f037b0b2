"""What becomes of resources that are neither plugins nor routes nor registries."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aigw.resources.report import Level
from aigw.resources.resource import Resource

TYPE_LABEL = "higress.io/config-map-type"
"""The label of ConfigMaps in which Higress's console writes down what it has made Ingresses of."""
_SETTINGS = "higress-config"


class Fate(NamedTuple):
    level: Level
    message: str = ""
    nearest: str = ""


_KINDS = {
    "Secret": Fate("exact", "is never read"),
    "Namespace": Fate("exact"),
    "IngressClass": Fate("exact"),
    "GatewayClass": Fate("exact"),
    "EnvoyFilter": Fate("none", "is not applied: there is no Envoy"),
    **dict.fromkeys(("HTTPRoute", "GRPCRoute", "Gateway"), Fate("none", "is not read", "an Ingress, or routes:")),
    **dict.fromkeys(("VirtualService", "ServiceEntry", "DestinationRule"), Fate("none", "is not read", "routes:")),
}
_OTHERS = Fate("unknown", "is no kind that means anything here, and is skipped")


def fate_of(resource: Resource, ingresses: Collection[str]) -> Fate:
    """`ingresses` has the names of all Ingresses that are imported."""
    if resource.kind == "ConfigMap":
        return _of_config_map(resource, ingresses)
    if resource.kind == "EnvoyFilter" and resource.full_name in ingresses:  # the console writes it for a fallback
        return Fate("exact", f"sends what has failed to the fallback of {resource.name}, which aigw does by itself")
    return _KINDS.get(resource.kind, _OTHERS)


def _of_config_map(resource: Resource, ingresses: Collection[str]) -> Fate:
    kind = resource.labels.get(TYPE_LABEL)
    if kind == "ai-route":
        name = f"{resource.name}.internal"
        if name in ingresses:
            return Fate("exact", f"is the console's record of the Ingress {name}")
        return Fate(
            "none", f"is the console's record of the Ingress {name}, which is not there", "import Ingresses, too"
        )
    if kind:
        return Fate("exact", "is a record of the console")
    if resource.name == _SETTINGS:
        return Fate("none", "settings of the whole gateway are not read")
    return Fate("unknown", "is none of Higress's, and is skipped")

"""The order in which plugins see a request, from Higress's phases and priorities.

A plugin with a higher priority sees the request earlier and the answer later. The plugins of aigw have their place in
their ABOUT; here are the places of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from aigw.core.plugin import Phase, Place

OTHER_PLACES: dict[str, Place] = {
    "ai-data-masking": Place("AUTHN", 991),
    "custom-response": Place("AUTHN", 910),
    "ext-auth": Place("AUTHN", 360),
    "oidc": Place("AUTHN", 350),
    "jwt-auth": Place("AUTHN", 340),
    "hmac-auth": Place("AUTHN", 330),
    "basic-auth": Place("AUTHN", 320),
    "waf": Place("AUTHZ", 330),
    "bot-detect": Place("AUTHZ", 310),
    "mcp-router": Place("", 1000),
    "mcp-server": Place("", 999),
    "ai-search": Place("", 440),
    "ai-image-reader": Place("", 400),
    "traffic-tag": Place("", 400),
    "ai-agent": Place("", 200),
    "ai-load-balancer": Place("", 50),
    "cluster-key-rate-limit": Place("", 20),
    "key-rate-limit": Place("", 10),
}
"""The places of the plugins of Higress that aigw does not have."""

_PHASES = get_args(Phase)


def sort(places: Mapping[str, Place]) -> list[str]:
    """Returns the names, outermost first. Plugins with equal places are ordered by name, so that their order in the
    file does not matter."""
    return sorted(places, key=lambda name: (_PHASES.index(places[name].phase), -places[name].priority, name))

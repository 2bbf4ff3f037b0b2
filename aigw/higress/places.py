"""The order in which plugins see a request: Higress's phases and priorities, as its console writes them.

Higher first on the way in, last on the way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

PHASES = ("AUTHN", "AUTHZ", "STATS", "")
"""In the order in which they run; "" is the unspecified phase, in which most plugins are."""


class Place(NamedTuple):
    phase: str
    priority: int


PLACES: dict[str, Place] = {
    "ai-data-masking": Place("AUTHN", 991),
    "custom-response": Place("AUTHN", 910),
    "model-router": Place("AUTHN", 900),
    "model-mapper": Place("AUTHN", 800),
    "geo-ip": Place("AUTHN", 440),
    "ext-auth": Place("AUTHN", 360),
    "oidc": Place("AUTHN", 350),
    "jwt-auth": Place("AUTHN", 340),
    "hmac-auth": Place("AUTHN", 330),
    "basic-auth": Place("AUTHN", 320),
    "key-auth": Place("AUTHN", 310),
    "waf": Place("AUTHZ", 330),
    "bot-detect": Place("AUTHZ", 310),
    "mcp-router": Place("", 1000),
    "mcp-server": Place("", 999),
    "ai-statistics": Place("", 900),
    "ai-cache": Place("", 800),
    "ai-quota": Place("", 750),
    "ai-budget": Place("", 740),  # aigw's own: behind the cache, whose answers cost nothing
    "ai-intent": Place("", 700),
    "ai-history": Place("", 650),
    "ai-token-ratelimit": Place("", 600),
    "ai-transformer": Place("", 550),
    "ai-prompt-template": Place("", 500),
    "ai-prompt-decorator": Place("", 450),
    "ai-search": Place("", 440),
    "ai-rag": Place("", 400),
    "ai-image-reader": Place("", 400),
    "traffic-tag": Place("", 400),
    "ai-security-guard": Place("", 300),
    "ai-agent": Place("", 200),
    "ai-json-resp": Place("", 150),
    "ai-proxy": Place("", 100),
    "ai-context-limit": Place("", 100),
    "ai-load-balancer": Place("", 50),
    "cluster-key-rate-limit": Place("", 20),
    "key-rate-limit": Place("", 10),
}

_UNKNOWN = Place("", 500)


def sort(names: Iterable[str]) -> list[str]:
    """The names, outermost first. Equal places are settled by name, so that the order never depends on the file."""
    return sorted(names, key=_key)


def _key(name: str) -> tuple[int, int, str]:
    place = PLACES.get(name, _UNKNOWN)
    return PHASES.index(place.phase), -place.priority, name

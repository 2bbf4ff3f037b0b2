"""Reads destinations of a route that share its requests, or of which one is the fallback of another. In Higress they
are parts of the Ingress, in aigw keys of the plugin that sends requests to providers.

Each destination must have a rule of that plugin that chooses a provider for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.config.rules import MATCH_KEYS, match_keys
from aigw.resources.ingress import Share

ACTIVE, WEIGHTS, FALLBACK = "activeProviderId", "weights", "fallback"


def provider_of(configuration: Mapping[str, Any], route: str, share: Share) -> str:
    """The id of the provider to which the plugin sends requests for a destination of a route; "" if it names none."""
    for rule in configuration.get("_rules_") or ():
        service = f"{share.service}:{share.port}" if share.port else share.service
        if match_keys(rule).matches(route, "", service):
            return str(rule.get(ACTIVE) or configuration.get(ACTIVE) or "")
    return str(configuration.get(ACTIVE) or "")


def choice(
    configuration: Mapping[str, Any], route: str, shares: Sequence[Share], fallbacks: Sequence[Share]
) -> dict[str, Any] | None:
    """Returns the plugin's configuration for a route in which the providers of its destinations have these shares,
    followed by those of the fallbacks. None if no provider is chosen by destination."""
    ids = [provider_of(configuration, route, share) for share in shares]
    later = [provider_of(configuration, route, share) for share in fallbacks]
    if not ids or "" in ids or "" in later:
        return None
    rules = configuration.get("_rules_") or ()
    rule: Mapping[str, Any] = next((each for each in rules if _holds(each, route, shares[0])), {})
    own = {key: value for key, value in rule.items() if key not in (*MATCH_KEYS, ACTIVE, WEIGHTS)}
    found: dict[str, Any] = {**own, ACTIVE: ids[0]}
    weights: dict[str, int] = {}
    for name, share in zip(ids, shares, strict=True):
        if share.weight:
            weights[name] = weights.get(name, 0) + share.weight
    if len(weights) > 1:
        found[WEIGHTS] = weights
    elif weights:
        found[ACTIVE] = next(iter(weights))
    if later := [name for name in dict.fromkeys(later) if name != found[ACTIVE]]:
        found[FALLBACK] = later
    return found


def _holds(rule: Mapping[str, Any], route: str, share: Share) -> bool:
    return match_keys(rule).matches(route, "", f"{share.service}:{share.port}" if share.port else share.service)

"""Makes the section `services:` from the services of a McpBridge, without those that are the address of a provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aigw.config.plugins import find_plugin
from aigw.core.plugin import Destination
from aigw.resources.importing.balance import provider_of
from aigw.resources.importing.routes import balancers
from aigw.resources.ingress import IngressRoute
from aigw.resources.mcp_bridge import Service
from aigw.resources.report import Findings

SERVICE_KEYS = ("serviceName", "service_name", "serviceFQDN")
_STORES = ("redis",)
"""Keys and types of what is a Redis."""
_REDIS_PORT = ":6379"
"""A service that nothing calls is taken for a Redis if its address ends like this."""


def services_of(
    services: Sequence[Service],
    routes: Sequence[IngressRoute],
    listed: Sequence[Mapping[str, Any]],
    plugins: Mapping[str, Any],
    findings: Findings,
) -> dict[str, str]:
    """The entries of `services:`."""
    stores = {name for name, is_store in called(plugins) if is_store}
    tls = {route.shares[0].service for route in routes if route.tls and route.shares}
    own = {each.authority for each in _destinations(plugins, listed)}
    plain = {route.shares[0].service for route in routes if route.shares and not _is_served(plugins, route)} | {
        name for name, _ in called(plugins)
    }
    found = {}
    for service in services:
        if service.name in tls:
            service = service._replace(scheme="https")
        if service.name in stores or service.authority.endswith(_REDIS_PORT):
            found[service.name] = f"redis://{service.authority}"
        elif service.authority not in own or service.name in plain:
            found[service.name] = service.url
    known = {service.name for service in services}
    for name in sorted(stores - known):
        message = f"no resource says where {name} is: the state folder is the store"
        findings.add("approximate", f"service {name}", "", message, nearest=f"services: {{{name}: redis://...}}")
    return found


def called(plugins: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The services that plugins call by themselves, and whether each is a Redis."""
    return list(dict.fromkeys(_called(plugins, "")))


def _called(value: Any, key: str) -> Iterator[tuple[str, bool]]:
    if isinstance(value, dict):
        is_store = key in _STORES or value.get("type") in _STORES
        for name in (value[each] for each in SERVICE_KEYS if isinstance(value.get(each), str)):
            yield name if "." in name else f"{name}.dns", is_store
        for inner, item in value.items():
            yield from _called(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from _called(item, key)


def _is_served(plugins: Mapping[str, Any], route: IngressRoute) -> bool:
    """Whether a plugin sends the requests of a route to a provider."""
    share = route.shares[0]
    for name in balancers(plugins):
        configuration = plugins[name]
        held = [configuration, *(configuration.get("_rules_") or ())]
        if provider_of(configuration, route.name, share) or any(each.get("provider") for each in held):
            return True
    return False


def _destinations(plugins: Mapping[str, Any], listed: Iterable[Mapping[str, Any]]) -> Iterator[Destination]:
    for name, configuration in plugins.items():
        about = find_plugin(name)
        if about is None:
            continue
        default = {key: value for key, value in configuration.items() if key != "_rules_"}
        on_routes = [each["plugins"][name] for each in listed if isinstance(each.get("plugins", {}).get(name), dict)]
        rules = [rule for rule in configuration.get("_rules_") or () if isinstance(rule, dict)]
        for own in ({}, *rules, *on_routes):
            held = {**default, **{key: value for key, value in own.items() if not key.startswith("_match_")}}
            try:
                yield from about.destinations(msgspec.convert(_said(held), about.config, strict=False))
            except (msgspec.ValidationError, ValueError, KeyError, TypeError):
                continue  # what is wrong in it is told where it is checked


def _said(value: Any) -> Any:
    """The value without keys that have none: Higress's console writes `null` for what is left empty in a form."""
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value] if isinstance(value, list) else value

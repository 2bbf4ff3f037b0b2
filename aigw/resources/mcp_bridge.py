"""Reads and writes the services of a McpBridge, which are the entries of `services:` in another form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from aigw.core.authority import DEFAULT_PORTS, is_address, split_authority
from aigw.core.json_path import format_path
from aigw.resources.report import Findings
from aigw.resources.resource import Resource, mapping
from aigw.resources.shapes import McpBridgeSpec, Registry
from aigw.resources.unknown import prune

RESOLVED = ("dns", "static")
"""The types of registries that are one service each. The others have to be asked for theirs."""
STATIC_PORT = 80
"""The port of every static service, wherever it listens."""
_TLS = ("https", "tls", "grpcs")


class Service(NamedTuple):
    """A service by its name in rules and destinations. `port` is the one that stands behind the name there. `authority`
    is where it is."""

    name: str
    port: int
    scheme: str
    authority: str

    @property
    def url(self) -> str:
        host, port = split_authority(self.authority)
        default = {"https": 443, "http": 80}.get(self.scheme)
        return f"{self.scheme}://{bracketed(host)}" + (f":{port}" if port and port != default else "")


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_bridge(resource: Resource, findings: Findings) -> list[Service]:
    """The services that can be reached without asking a registry."""
    spec = mapping(resource.values.get("spec"))
    for path, _ in prune(spec, McpBridgeSpec).unknown:
        findings.add(
            "unknown", resource.what, format_path(("spec", *path)), "is skipped", place=resource.place("spec", *path)
        )
    for index, _ in enumerate(_mappings(spec.get("proxies"))):
        at = f"spec.proxies[{index}]"
        findings.add(
            "none",
            resource.what,
            at,
            "no proxy stands in front of a service here",
            place=resource.place("spec", "proxies", index),
        )
    found = []
    for index, raw in enumerate(_mappings(spec.get("registries"))):
        service = _read_registry(raw, resource, index, findings)
        if service is not None:
            found.append(service)
    return found


def _read_registry(raw: dict[str, Any], resource: Resource, index: int, findings: Findings) -> Service | None:
    place = resource.place("spec", "registries", index)
    at = f"spec.registries[{index}]"
    try:
        registry = msgspec.convert(prune(raw, Registry).value, Registry, strict=False)
    except msgspec.ValidationError as error:
        key = str(error).rpartition("$.")[2].rstrip("`")
        message = f"cannot be read: its {key} is not {'a whole number' if key == 'port' else 'text'}"
        findings.add("none", resource.what, at, message, place=place)
        return None
    name = f"{registry.name}.{registry.type}"
    if not registry.name:
        findings.add("none", resource.what, at, "needs a name, which destinations refer to", place=place)
        return None
    if registry.type not in RESOLVED:
        message = f"services of a registry of the type {registry.type or '?'} cannot be found here"
        suffix = registry.type.rstrip("0123456789") or "TYPE"  # services of nacos2 end in .nacos
        nearest = f"write where each is into services:, such as NAME.{suffix}: http://10.0.0.5:8080"
        findings.add("none", resource.what, f"{at} {name}", message, nearest=nearest, place=place)
        return None
    first, *others = [part.strip() for part in registry.domain.split(",")]
    try:
        split_authority(name)
        host, given = split_authority(first)
        _, port = split_authority(f"{bracketed(host)}:{given or registry.port or STATIC_PORT}")
    except ValueError:
        message = "its name is not a host, or its domain not a host or host:port"
        findings.add("none", resource.what, f"{at} {name}", message, place=place)
        return None
    port = port or STATIC_PORT
    scheme = "https" if port == 443 or registry.protocol.lower() in _TLS else "http"
    level, message = "exact", ""
    if others:
        level, message = "approximate", f"only {first} is used; Higress shares the requests among all {1 + len(others)}"
    findings.add(level, resource.what, f"{at} {name}", message, place=place)  # type: ignore[arg-type]
    if registry.sni not in ("", host):
        message = f"the certificate must have the name {host}"
        findings.add("approximate", resource.what, f"{at}.sni", message, place=place)
    if registry.auth_secret_name:
        findings.add("none", resource.what, f"{at}.authSecretName", "Secrets are not read", place=place)
    logical = STATIC_PORT if registry.type == "static" else port
    return Service(name, logical, scheme, f"{bracketed(host)}:{port}")


def write_registries(services: Iterable[Service]) -> list[dict[str, Any]]:
    """The registries of a McpBridge, one a service."""
    return [_registry(each) for each in sorted(services)]


def _registry(service: Service) -> dict[str, Any]:
    name, _, type_ = service.name.rpartition(".")
    host, port = split_authority(service.authority)
    port = port or (443 if service.scheme == "https" else 80)
    is_static = type_ == "static"
    registry = Registry(
        name=name,
        type=type_,
        domain=f"{bracketed(host)}:{port}" if is_static else host,
        port=STATIC_PORT if is_static else port,
        protocol=service.scheme if service.scheme in DEFAULT_PORTS else "",
        sni=host if service.scheme == "https" and not is_address(host) else "",
    )
    written: dict[str, Any] = msgspec.to_builtins(registry)
    return written


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

"""Finds the services that a McpBridge must have: the upstreams of routes, providers, and what plugins call."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from aigw.config.load import Loaded
from aigw.config.services import parse_upstream
from aigw.core.authority import is_address, origin_of, split_authority
from aigw.core.plugin import Destination
from aigw.core.secrets import without_password
from aigw.resources.importing.services import SERVICE_KEYS, called
from aigw.resources.mcp_bridge import RESOLVED, STATIC_PORT, Service, bracketed
from aigw.resources.report import Findings

_HOST_KEYS = ("domain", "serviceHost", "serviceDomain")
_PORT_KEYS = ("servicePort", "service_port")


class Services:
    """The services of a McpBridge. `found` has the services by name. `unmapped` are the names of those that are not in
    `services:`."""

    def __init__(self, loaded: Loaded, findings: Findings) -> None:
        self._table = {name.lower(): url for name, url in loaded.services.items()}
        self._findings = findings
        self.found: dict[str, Service] = {}
        self.unmapped: set[str] = set()

    def of_upstream(self, route: str, upstream: str, fallback: Destination | None) -> tuple[str, str]:
        """The destination of a route with an upstream, and the Host that it gets, "" for the client's. `fallback` is
        where a plugin sends the requests if nothing says where the service is."""
        parsed = parse_upstream(upstream)
        host, port = split_authority(parsed.authority)
        if "://" in upstream:
            origin = origin_of(parsed.scheme, parsed.authority)
            name = f"{label(route)}-upstream.{'static' if is_address(origin.host) else 'dns'}"
            service = self._add(name, parsed.scheme, f"{bracketed(origin.host)}:{origin.port}")
            return destination(service), parsed.authority
        mapped = self._table.get(f"{host}:{port}".lower()) or self._table.get(host.lower())
        if mapped is not None:
            url = urlsplit(mapped)
            self._add(host, url.scheme, url.netloc, port or 0)
        elif fallback is not None and fallback.scheme:
            self.unmapped.add(host)
            self._add(host, fallback.scheme, fallback.authority, port or 0)
        elif host.rpartition(".")[2] in RESOLVED:
            message = "stands in no services:; its registry must be in the cluster already"
            self._findings.add("approximate", f"service {host}", "", message)
        return (f"{host}:{port}" if port else host), ""

    def of_provider(self, provider: Destination) -> str:
        """The destination for a provider to which a plugin sends requests by itself."""
        type_ = "static" if is_address(split_authority(provider.authority)[0]) else "dns"
        base = f"llm-{label(provider.name)}.internal"
        name, number = f"{base}.{type_}", 1
        while (known := self.found.get(name)) is not None and known.authority != provider.authority:
            number += 1
            name = f"llm-{label(provider.name)}-{number}.internal.{type_}"
        self.unmapped.add(name)
        return destination(self._add(name, provider.scheme, provider.authority))

    def of_plugins(self, plugins: Mapping[str, Any]) -> None:
        """Adds the services that plugins call by themselves."""
        for name, url in self._table.items():
            if name.rpartition(".")[2] in RESOLVED and url.startswith(("http://", "https://")):
                self._mapped(name, url)
        stores = dict(called(plugins))
        for name, is_store in stores.items():
            mapped = self._table.get(name.lower()) or self._table.get(f"{name}:{_port(plugins, name)}".lower())
            if name in self.found or name.rpartition(".")[2] not in RESOLVED:
                continue
            if mapped is None and is_store:
                message = "is the state folder here; in a cluster it must be a Redis"
                nearest = f"a registry {name} in a McpBridge"
                self._findings.add("approximate", f"service {name}", "", message, nearest=nearest)
            elif mapped is None:
                self._stand_in(plugins, name)
            else:
                self._mapped(name, mapped)

    def _mapped(self, name: str, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            self._add(name, parts.scheme, parts.netloc)
        elif parts.scheme == "redis" and "@" not in parts.netloc and parts.path in ("", "/", "/0") and not parts.query:
            host, port = split_authority(parts.netloc)
            self._add(name, "redis", f"{bracketed(host)}:{port or 6379}")
        else:
            message = f"{without_password(url)} is more than an address"
            nearest = "address in a McpBridge; user, password and database in the configuration of the plugin"
            self._findings.add("none", "services", name, message, nearest=nearest)

    def _stand_in(self, plugins: Mapping[str, Any], name: str) -> None:
        host, port = next(_addresses(plugins, name), ("", 0))
        if not host:
            message = "nothing says where it is; its registry must be in the cluster already"
            self._findings.add("approximate", f"service {name}", "", message)
            return
        port = port or 443
        self.unmapped.add(name)
        self._add(name, "https" if port == 443 else "http", f"{bracketed(host)}:{port}")
        message = f"is called at {host}; here a stand-in may answer for it"
        self._findings.add("approximate", f"service {name}", "", message)

    def _add(self, name: str, scheme: str, authority: str, port: int = 0) -> Service:
        host, given = split_authority(authority)
        at = given or (443 if scheme == "https" else 80)
        is_static = name.endswith(".static")
        if is_static and scheme == "https":
            message = "TLS to a static service is said on each Ingress: backend-protocol"
            self._findings.add("approximate", f"service {name}", "", message)
        if _is_here(host):
            message = f"{host} is the gateway itself in a cluster"
            self._findings.add(
                "none", f"service {name}", "", message, nearest="the address that the cluster has for it"
            )
        service = Service(name, port or (STATIC_PORT if is_static else at), scheme, f"{bracketed(host)}:{at}")
        return self.found.setdefault(name, service)


def _is_here(host: str) -> bool:
    """Whether an address is this machine, wherever it is used."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def destination(service: Service) -> str:
    return f"{service.name}:{service.port}"


def label(text: str) -> str:
    """A text as a part of the name of a resource."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50] or "x"


def _addresses(value: Any, name: str) -> Iterator[tuple[str, int]]:
    """Yields the addresses that configurations of plugins have for a service."""
    for node in _mappings(value):
        given = next((node[key] for key in SERVICE_KEYS if isinstance(node.get(key), str)), "")
        if given and name in (given, f"{given}.dns"):
            host = next((node[key] for key in _HOST_KEYS if isinstance(node.get(key), str)), "")
            if host:
                yield host, _number(node)


def _port(value: Any, name: str) -> int:
    ports = (_number(node) for node in _mappings(value) if name in [node.get(key) for key in SERVICE_KEYS])
    return next(filter(None, ports), 0)


def _number(node: Mapping[str, Any]) -> int:
    text = str(next((node[key] for key in _PORT_KEYS if key in node), ""))
    return int(text) if text.isdecimal() else 0


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _mappings(item)

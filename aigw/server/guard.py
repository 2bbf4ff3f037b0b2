"""Keeps web pages of others away from a gateway on loopback: it checks Host (against DNS rebinding) and Origin, and
answers CORS, before anything else looks at the request."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from aigw.core.authority import host_of, is_address
from aigw.core.errors import GatewayError

APP_SCHEMES = ("app://*", "tauri://*", "vscode-webview://*")
"""Origins of desktop programs. A web page cannot have them."""

_EXPOSED_HEADERS = ", ".join(
    ["x-request-id", "request-id", "x-aigw-request-id", "retry-after", "x-should-retry"]
    + [f"x-ratelimit-{what}-{unit}" for what in ("limit", "remaining", "reset") for unit in ("requests", "tokens")]
    + [
        f"anthropic-ratelimit-{unit}-{what}"
        for unit in ("requests", "tokens")
        for what in ("limit", "remaining", "reset")
    ]
)


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_same_origin(origin: str, authority: str) -> bool:
    """True if a page of this origin was got from the Host that it now asks."""
    try:
        return bool(authority) and urlsplit(origin).netloc.lower() == authority.lower()
    except ValueError:
        return False


def _is_here(host: str | None) -> bool:
    return is_loopback((host or "").removesuffix("."))


class Guard:
    """Checks Host and Origin. `hosts` are names that Host may have beside those of loopback; `*` allows any. `origins`
    are globs of Origins."""

    def __init__(
        self, *, hosts: Iterable[str] = (), origins: Iterable[str] = (), addresses: bool = False, listen: str = ""
    ) -> None:
        """`addresses`: Host may be any IP address, because other machines may call; DNS rebinding needs a name.
        Refusals show `listen`, so that people see which gateway refuses."""
        self._place = f" that listens on {listen}" if listen else ""
        self._hosts = frozenset(map(host_of, hosts))
        self._addresses = addresses
        self._origins = (*APP_SCHEMES, *origins)
        self._known_hosts: set[str] = set()

    def check(self, headers: Mapping[str, str], *, probe: bool = False) -> None:
        """Raises GatewayError 403 for a Host or an Origin that is not allowed. For a `probe`, any Host or none is
        allowed if other machines may call, because load balancers send all kinds."""
        authority = headers.get("host", "")
        if authority not in self._known_hosts and not (probe and self._addresses):
            self.check_host(authority)
        origin = headers.get("origin")
        if origin is None and headers.get("sec-fetch-site") == "cross-site":
            origin = "another site"  # images, scripts and links: browsers send no Origin for them
        if origin is not None and not (self.allows(origin) or self._is_own_page(origin, authority)):
            raise GatewayError(
                403,
                f"requests from web pages of {origin} are not allowed; add it to cors.origins in aigw.yaml",
                kind="permission_error",
                code="origin_not_allowed",
            )

    def check_host(self, authority: str) -> None:
        """Raises GatewayError 403 for a name that is not ours."""
        host = host_of(authority)
        allowed = is_loopback(host) or host in self._hosts or "*" in self._hosts
        malformed = bool(authority) and not host
        if malformed or not (allowed or (self._addresses and is_address(host))):
            raise GatewayError(
                403,
                f"the aigw{self._place} does not answer to the Host '{authority}'; call it as localhost, or add the "
                "name to hosts in its aigw.yaml",
                kind="permission_error",
                code="host_not_allowed",
            )
        if len(self._known_hosts) < 256:
            self._known_hosts.add(authority)

    def allows(self, origin: str) -> bool:
        """True if a page of this origin may call the gateway: it is on this machine, or in the list of allowed
        origins."""
        try:
            parts = urlsplit(origin)
            if parts.username is None and parts.scheme in ("http", "https") and _is_here(parts.hostname):
                return True
        except ValueError:
            return False
        return any(fnmatchcase(origin, pattern) for pattern in self._origins)

    def _is_own_page(self, origin: str, authority: str) -> bool:
        """Whether the request comes from the gateway's own page, which has the same origin as the request. A Host that
        only `*` allows does not count, because with DNS rebinding any page may have this address."""
        host = host_of(authority)
        known = host in self._hosts or (self._addresses and is_address(host))
        return known and is_same_origin(origin, authority)

    def cors(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that let an allowed page read an answer. There are none if the request has no Origin."""
        origin = headers.get("origin")
        if origin is None or not self.allows(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
            "Vary": "Origin",
        }

    def preflight(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that answer an OPTIONS request of a browser."""
        asked = headers.get("access-control-request-headers", "authorization, content-type")
        allowed = self.cors(headers)
        if allowed and headers.get("access-control-request-private-network") == "true":
            allowed["Access-Control-Allow-Private-Network"] = "true"  # Chromium asks a page's way to this machine
        return allowed | {
            "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS",
            "Access-Control-Allow-Headers": asked,
            "Access-Control-Max-Age": "86400",
        }

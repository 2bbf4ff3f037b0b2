"""Reads addresses as a configuration or a Host header writes them: `host`, `host:port` and `[ipv6]:port`."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from aigw.core.model import Origin

MAX_PORT = 65535
DEFAULT_PORTS = {"http": 80, "https": 443}

PRIVATE_ENDINGS = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
"""Endings of names that no public name server knows."""

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:/@\s?#]+)(?::(?P<port>\d{1,9}))?")


def split_authority(text: str) -> tuple[str, int | None]:
    """Returns the host (an IPv6 address without its brackets) and the port, None if there is no port. Raises
    ValueError if `text` is not an address."""
    match = _AUTHORITY.fullmatch(text)
    shown = repr(text.rpartition("@")[2])
    if match is None:
        raise ValueError(f"{shown} is not a host or host:port")
    if int(match["port"] or 0) > MAX_PORT:
        raise ValueError(f"{shown} has a port that does not exist: the largest is {MAX_PORT}")
    return match["host"].strip("[]"), int(match["port"]) if match["port"] else None


@lru_cache(maxsize=256)
def host_of(authority: str) -> str:
    """The host of `host`, `host:port`, `[ipv6]:port` or a bare IPv6 address, in the one form in which hosts are
    compared: lower case, ASCII, without the dot that may end a name, an IPv6 address as short as can be. "" if it is
    none of them."""
    if is_address(authority):
        return ipaddress.ip_address(authority).compressed
    try:
        host = split_authority(authority.removesuffix(":"))[0]
        host = _ascii(host).lower()
    except ValueError:
        return ""
    if authority.startswith("["):
        return ipaddress.ip_address(host).compressed if is_address(host) else host
    return host.removesuffix(".")


def without_port(authority: str) -> str:
    """Returns the authority as it is written but without its port, which is what Higress compares."""
    colon = authority.rfind(":")
    return authority[:colon] if colon > authority.rfind("]") else authority


def host_pattern(pattern: str) -> str:
    """A pattern (`*suffix`, `prefix*` or exact) in the form of what `host_of` returns."""
    if "*" not in pattern:
        return host_of(pattern) or pattern
    try:
        pattern = _ascii(pattern).lower()
    except ValueError:
        return pattern
    return pattern.removesuffix(".")


def _ascii(name: str) -> str:
    """The name as it goes over the wire. Raises ValueError if it cannot be written so."""
    if name.isascii():
        return name
    return ".".join(label if label.isascii() else label.encode("idna").decode() for label in name.split("."))


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def origin_of(scheme: str, authority: str, default_port: int = 0) -> Origin:
    """Returns where to connect for `authority`. If it has no port, `default_port` is used, or the port of the scheme if
    that is 0. Raises ValueError if it is no possible address."""
    if scheme not in DEFAULT_PORTS:
        raise ValueError("the scheme must be http or https")
    host, port = split_authority(authority)
    if port == 0:
        raise ValueError(f"{authority!r} has no port that can be connected to")
    return Origin(scheme, host, port or default_port or DEFAULT_PORTS[scheme], host if scheme == "https" else "")


def is_private(host: str) -> bool:
    """Whether a host is on this machine or in a network of its owner's: by its address, or by a name that is no public
    one. Nothing is looked up."""
    host = host.lower().rstrip(".")
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_ENDINGS)

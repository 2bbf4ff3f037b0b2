"""Reads the value of a request that a rule looks at (a header, a parameter, a cookie, the consumer or the client's
address), and matches it with the keys of the rule.

Rule: a header that key-auth has removed, because it has the client's key, can still be used. The consumer is only the
one that key-auth found."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import parse_qs

from aigw.core.exchange import Exchange
from aigw.core.headers import CONSUMER_HEADER
from aigw.higress.re2 import GoRegex

Select = Callable[[Exchange], str | None]
"""Returns the value of a request, None if it has none."""

Match = Callable[[str], bool]

IP = "limit_by_per_ip"
REGEXP = "regexp:"
FROM_HEADER = "from-header-"
REMOTE = "from-remote-addr"


def selector(kind: str, name: str) -> Select:
    """Returns a function that reads the value for a rule. `kind` is such as `limit_by_per_header`, and `name` is the
    name of the header. Raises ValueError."""
    source = kind.rpartition("_")[2]
    if source == "ip":
        return _address_of(name)
    if source == "consumer":
        return lambda exchange: exchange.consumer or None
    return {"header": _header, "param": _parameter, "cookie": _cookie}[source](name)


def _header(name: str) -> Select:
    name = name.lower()

    def header(exchange: Exchange) -> str | None:
        return exchange.request.headers.get(name) or exchange.original.headers.get(name) or None

    return _consumer_header if name == CONSUMER_HEADER else header


def _consumer_header(exchange: Exchange) -> str | None:
    return exchange.consumer or None


def _parameter(name: str) -> Select:
    def parameter(exchange: Exchange) -> str | None:
        query = exchange.original.query
        return _parse(query).get(name) if query else None

    return parameter


@lru_cache(256)
def _parse(query: str) -> dict[str, str]:
    """Returns the first value of each parameter."""
    try:
        return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    except ValueError:  # too many fields
        return {}


def _cookie(name: str) -> Select:
    start = f"{name}="

    def cookie(exchange: Exchange) -> str | None:
        for each in exchange.original.headers.get("cookie", "").split(";"):
            if (each := each.strip()).startswith(start):
                return each.removeprefix(start) or None
        return None

    return cookie


def _address_of(source: str) -> Select:
    if source == REMOTE:
        return lambda exchange: exchange.client or None
    name = source.removeprefix(FROM_HEADER)
    if not name:
        raise ValueError("limit_by_per_ip parse error: empty after 'from-header-'")
    if name == source:
        raise ValueError(
            "the 'limit_by_per_ip' restriction must start with 'from-header-' or be exactly 'from-remote-addr'"
        )
    header = _header(name)

    def first(exchange: Exchange) -> str | None:
        value = header(exchange)
        return None if value is None else value.partition(",")[0].strip()

    return first


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Returns the IP address in a text that may also have a port, None if there is no address. An IPv4 address that is
    written as IPv6 becomes IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def matcher(kind: str, key: str) -> Match:
    """Returns a function that tells whether a value matches a limit key. Raises ValueError if this kind of rule cannot
    have such a key."""
    if kind == IP:
        return _Network(key)
    if not kind.startswith("limit_by_per_"):
        return key.__eq__
    if key == "*":
        return lambda value: True
    if not key.startswith(REGEXP):
        raise ValueError(f"the '{kind}' restriction must start with 'regexp:' or be exactly '*'")
    try:
        return GoRegex.longest(key.removeprefix(REGEXP)).search
    except ValueError as error:
        raise ValueError(f"failed to compile regex for key '{key}': {error}") from None


class _Network:
    """Tells whether an address is in a network, or is the one address of the key. Raises ValueError if the key is
    neither a network nor an address."""

    def __init__(self, key: str) -> None:
        try:
            self._network = ip_network(key, strict=False)
        except ValueError as error:
            raise ValueError(f"failed to parse IPNet for key '{key}': {error}") from None

    def __call__(self, address: str) -> bool:
        return ip_address(address) in self._network

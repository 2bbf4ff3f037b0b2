"""Finds the address of a client: that of the connection, or one that a proxy in front of the gateway writes.

Rule: with `safe`, a header counts only if it comes from a proxy that the configuration trusts."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aigw.plugins.geo_ip.table import Address

Network = IPv4Network | IPv6Network


def read(text: str) -> Address | None:
    """Returns the address in `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1` or `[2001:db8::1]:80`. An IPv4 address that is
    written as IPv6 is an IPv4 address. None if there is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def behind_proxies(peer: str, values: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """Returns the client's address, None if it is not known. `values` are the values of a header to which each proxy
    appends the address that it was called from. Read from the end, the first address that is no trusted proxy is the
    client's."""
    chain = [peer, *reversed([item for value in values for item in value.split(",")])]
    address = None
    for text in chain:
        address = read(text)
        if address is None or not any(address in network for network in trusted):
            break
    return address


def as_higress(text: str) -> Address | None:
    """Returns the address as Higress reads it: the first in a list, and only one of IPv4."""
    source = text.strip(" ").split(",")[0]
    source = source.partition(":")[0] if "." in source else source
    try:
        address = ip_address(source)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) else address

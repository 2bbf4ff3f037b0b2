"""Where networks are: a table of CIDRs, from the configuration or from a file of lines.

Rule: of several networks that have an address, the smallest counts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple, Protocol

Address = IPv4Address | IPv6Address

INTERNAL_NAME = "内网IP"
"""Higress's words for the place of an internal address."""
_INTERNAL = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/3",
)  # fmt: skip
_INTERNAL_6 = ("::/127", "fc00::/7", "fe80::/10", "ff00::/8", "2001:db8::/32")
_HEADINGS = ("cidr", "network")
UNKNOWN = "0"
"""How ip2region, and so Higress's own table, writes that a part of a place is not known."""


class Location(NamedTuple):
    """A place. Unknown parts are ""."""

    country: str = ""
    province: str = ""
    city: str = ""
    isp: str = ""


class Locations(Protocol):
    """Tells where addresses are. CidrTable and `database.MmdbTable` are two."""

    def get(self, address: Address) -> Location | None:
        """Returns None if it is not known."""
        ...


class CidrTable:
    def __init__(self, rows: Iterable[tuple[str, Location]]) -> None:
        """Raises ValueError if a text is no CIDR."""
        self._networks: dict[tuple[int, int], dict[int, Location]] = {}
        places: dict[Location, Location] = {}
        for cidr, location in rows:
            version, length, number = _network(cidr)
            same = self._networks.setdefault((version, length), {})
            same[number] = places.setdefault(location, location)
        self._sizes = sorted(self._networks, reverse=True)

    def get(self, address: Address) -> Location | None:
        number, bits = int(address), address.max_prefixlen
        for size in self._sizes:
            version, length = size
            if version == address.version:
                kept = bits - length
                found = self._networks[size].get(number >> kept << kept)
                if found is not None:
                    return found
        return None


class Layers:
    """Several tables: the first that knows an address counts."""

    def __init__(self, *tables: Locations) -> None:
        self._tables = tables

    def get(self, address: Address) -> Location | None:
        return next((found for table in self._tables if (found := table.get(address)) is not None), None)


def internal(*, higress: bool) -> CidrTable:
    """Returns the networks that have no place in the world, such as private ones. Higress knows only those of IPv4."""
    here = Location(*[INTERNAL_NAME] * 4)
    return CidrTable((cidr, here) for cidr in (_INTERNAL if higress else _INTERNAL + _INTERNAL_6))


def read_lines(path: Path) -> CidrTable:
    """Reads a file whose lines are `cidr|country|province|city|isp`, as in Higress's geoCidr.txt, or the same with
    commas, as CSV. A first line with headings is skipped. Raises OSError, and ValueError that names the line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        lines = csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE) if "|" in first else csv.reader(file)
        try:
            return CidrTable(_rows(lines))
        except (csv.Error, ValueError) as error:
            raise ValueError(f"line {lines.line_num}: {error}") from None


def _rows(lines: Iterable[list[str]]) -> Iterator[tuple[str, Location]]:
    for number, fields in enumerate(lines, start=1):
        cidr, *place = [field.strip() for field in fields] or [""]
        if not cidr and not any(place):
            continue
        if number == 1 and cidr.casefold() in _HEADINGS:
            continue
        if len(place) < 4:
            raise ValueError("there must be five fields: cidr, country, province, city, isp")
        yield cidr, Location(*place[:4])


def _network(cidr: str) -> tuple[int, int, int]:
    """Returns the version, the length of the prefix, and the first address as a number. It takes 2 us, `ip_network` 20.
    Raises ValueError."""
    address, slash, length = cidr.partition("/")
    version, family, most = (6, AF_INET6, 128) if ":" in address else (4, AF_INET, 32)
    try:
        number = int.from_bytes(inet_pton(family, address))
    except (OSError, UnicodeEncodeError):
        raise ValueError(f"{cidr!r} is not a CIDR") from None
    if slash and not (length.isdecimal() and len(length) < 4 and int(length) <= most):
        raise ValueError(f"{cidr!r} is not a CIDR")
    bits = int(length) if slash else most
    kept = most - bits
    return version, bits, number >> kept << kept

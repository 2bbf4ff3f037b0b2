"""geo-ip: finds out where a client is, for the variables of ai-prompt-decorator.

Rule: it never stops a request. Of a client whose place is not known, it says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import quote_plus

from msgspec import Meta, Struct, field

from aigw.core.env import Env
from aigw.core.errors import ConfigError
from aigw.core.exchange import Exchange
from aigw.core.json_path import JsonPath
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.plugins.geo_ip.address import as_higress, behind_proxies
from aigw.plugins.geo_ip.database import MmdbTable
from aigw.plugins.geo_ip.table import UNKNOWN, Address, CidrTable, Layers, Location, Locations, internal, read_lines

HEADERS = ("X-Higress-Geo-Country", "X-Higress-Geo-Province", "X-Higress-Geo-City", "X-Higress-Geo-Isp")
"""The headers with the parts of a Location, encoded as in a query."""
PROTOCOLS = ("ipv4", "ipv6")
ORIGIN, HEADER = "origin-source", "header"
MMDB = ".mmdb"
LOOPBACK = ("127.0.0.0/8", "::1/128")


class Row(Struct, frozen=True, kw_only=True):
    """Where a network is."""

    cidr: Annotated[str, Meta(description="the network, such as 203.0.113.0/24, or an address")]
    country: Annotated[str, Meta(description="the country; empty: not known")] = ""
    province: Annotated[str, Meta(description="the province; empty: not known")] = ""
    city: Annotated[str, Meta(description="the city; empty: not known")] = ""
    isp: Annotated[str, Meta(description="who provides the connection; empty: not known")] = ""


class Config(Struct, frozen=True, kw_only=True):
    """Finds out where a client is, and tells it to the plugins after it, and to the provider, in request headers.

    The headers are X-Higress-Geo-Country, -Province, -City and -Isp, encoded as in a query; ai-prompt-decorator reads
    its `${geo-country}` and the like from them. What a client sends under these names is removed.

    Higress's table of the world is not part of aigw. Networks are in `table`, and in a `file`: a database of MaxMind
    (.mmdb), or lines as in Higress's geoCidr.txt. Internal addresses have the place that Higress gives them, unless
    `table` or `file` knows better."""

    ip_protocol: Annotated[str, Meta(description="which clients are looked up: ipv4 or ipv6")] = "ipv4"
    camel_protocol: Annotated[
        str, Meta(description="not used, as in Higress, though a document of Higress has it: write ip_protocol")
    ] = field(default="", name="ipProtocol")
    ip_source_type: Annotated[
        str, Meta(description="origin-source: the address of the connection counts; header: that in a header")
    ] = ORIGIN
    ip_header_name: Annotated[str, Meta(description="the header with the address; empty: x-forwarded-for")] = ""
    table: Annotated[list[Row], Meta(description="aigw: where networks are; the smallest that fits counts")] = []
    file: Annotated[
        str,
        Meta(
            description="aigw: a file with more of them: .mmdb, or lines `cidr|country|province|city|isp` or the same "
            "as CSV; a path from the folder of the configuration"
        ),
    ] = ""
    language: Annotated[str, Meta(description="aigw: the language of the names in an .mmdb, else English")] = "zh-CN"
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="aigw: with `safe`, the proxies whose header counts; default: this machine"),
    ] = LOOPBACK

    @property
    def header(self) -> str:
        return self.ip_header_name or "x-forwarded-for"


def check(config: Config) -> list[Problem]:
    problems = []
    for key, value, known in (
        ("ip_protocol", config.ip_protocol, PROTOCOLS),
        ("ip_source_type", config.ip_source_type, (ORIGIN, HEADER)),
    ):
        if value and value not in known:
            message = f"{value!r} is unknown, and taken for {known[0]}; use one of {', '.join(known)}"
            problems.append(Problem((key,), message, quirk=True))
    if config.camel_protocol:
        problems.append(Problem(("ipProtocol",), "has no effect, as in Higress; write ip_protocol", note=True))
    for index, row in enumerate(config.table):
        problems += _check_cidr(("table", index, "cidr"), row.cidr)
    for index, cidr in enumerate(config.trusted_proxies):
        problems += _check_cidr(("trusted_proxies", index), cidr)
    if not config.table and not config.file:
        message = "and `file` are missing, so that only internal addresses have a place"
        problems.append(Problem(("table",), message, note=True))
    return problems


def _check_cidr(path: tuple[str | int, ...], cidr: str) -> list[Problem]:
    try:
        ip_network(cidr, strict=False)
    except ValueError:
        return [Problem(path, f"{cidr!r} is not a network such as 203.0.113.0/24")]
    return []


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    rows = ((row.cidr, Location(row.country, row.province, row.city, row.isp)) for row in config.table)
    table: list[Locations] = [CidrTable(rows)]
    database: MmdbTable | None = None
    if config.file:
        found = await asyncio.to_thread(_open, env.folder, config)
        table.append(found)
        database = found if isinstance(found, MmdbTable) else None
    try:
        safe: Plugin = _Safe(config, Layers(*table, internal(higress=False)))
        yield env.choose(safe=safe, higress=_Higress(config, Layers(internal(higress=True), *table)))
    finally:
        if database is not None:
            database.close()


def _open(folder: Path, config: Config) -> MmdbTable | CidrTable:
    """Raises ConfigError."""
    path = folder / Path(config.file).expanduser()
    try:
        return MmdbTable(path, config.language) if path.suffix.lower() == MMDB else read_lines(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError([f"plugins.geo-ip.file: {path}: {reason}"]) from None


class _Safe:
    def __init__(self, config: Config, locations: Locations) -> None:
        self._version = 6 if config.ip_protocol == "ipv6" else 4
        self._header = config.header if config.ip_source_type == HEADER else ""
        self._trusted = [ip_network(cidr, strict=False) for cidr in config.trusted_proxies]
        self._locations = locations

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        headers = exchange.request.headers
        for name in HEADERS:
            headers.popall(name, None)
        address = self._address(exchange)
        if address is not None and address.version == self._version:
            for name, part in zip(HEADERS, self._locations.get(address) or (), strict=False):
                if part and part != UNKNOWN:
                    headers[name] = quote_plus(part)
        return await call_next(exchange)

    def _address(self, exchange: Exchange) -> Address | None:
        values: Sequence[str] = exchange.request.headers.getall(self._header, ()) if self._header else ()
        return behind_proxies(exchange.client, values, self._trusted if self._header else ())


class _Higress:
    def __init__(self, config: Config, locations: Locations) -> None:
        self._skips = config.ip_protocol == "ipv6"  # Higress does not look these up yet
        self._header = config.header if config.ip_source_type == HEADER else ""
        self._locations = locations

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        headers = exchange.request.headers
        source = ",".join(headers.getall(self._header, ())) if self._header else exchange.client
        address = None if self._skips else as_higress(source)
        if address is not None and (location := self._locations.get(address)) is not None:
            for name, part in zip(HEADERS, location, strict=True):
                given = headers.popall(name, ())
                headers[name] = quote_plus(part)  # ours comes first: it counts for the plugins after this one
                for value in given:
                    headers.add(name, value)
        return await call_next(exchange)


def reads(config: Config) -> Mapping[JsonPath, str]:
    return {("file",): config.file}


ABOUT = About(
    config=Config,
    build=build,
    place=Place("AUTHN", 440),
    recipe="geo-ip",
    check=check,
    reads=reads,
    differences=(
        Difference("the table of the world", "is a `file` of yours", "is a `file` of yours; Higress has one inside"),
        Difference("the header with the address", "counts from a trusted proxy, and then its last address that is no "
                   "such proxy", "counts from anybody, and its first address"),
        Difference("X-Higress-Geo-... of a client", "is removed", "stays, beside the found one"),
        Difference("clients with IPv6", "are looked up with `ip_protocol: ipv6`", "never are"),
        Difference("internal addresses", "have the place in the table, if it has one", "are always 内网IP"),
        Difference("a part that is not known (0)", "is left out", "is 0"),
    ),
)  # fmt: skip

"""Finds where a host or a Higress service name really is, in the `services:` table, and reads addresses of the file.

A mapped name is reached as with curl's --connect-to: only scheme, address and port are the mapped URL's. A callout to
a service that is not mapped goes to its stand-in, if there is one; a provider or a route never does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from aigw.core.authority import DEFAULT_PORTS, origin_of, split_authority
from aigw.core.errors import ConfigError
from aigw.core.model import Origin
from aigw.core.secrets import without_password
from aigw.providers.catalog import CATALOG
from aigw.stores.redis.url import is_redis_url, parse_redis_url

PROVIDER_HOSTS = frozenset(row.host for row in CATALOG.values())


class RouteUpstream(NamedTuple):
    """The upstream of a route. `_match_service_` is compared with `service`: fqdn:port, or fqdn if no port is known."""

    scheme: str
    authority: str
    service: str


class ServiceTable:
    """The `services:` table, and the names of the stand-ins. Names are compared without regard to case. `answered` are
    the stand-ins that answer for somebody."""

    def __init__(self, table: Mapping[str, str], standins: Iterable[str] = ()) -> None:
        self._table = {name.lower(): url for name, url in table.items()}
        self._standins = {name.lower(): name for name in standins}
        self.answered: set[str] = set()

    def with_standins(self, standins: Iterable[str]) -> ServiceTable:
        return ServiceTable(self._table, standins)

    def locate(self, scheme: str, authority: str, service: str = "") -> Origin:
        """The address of `authority`. The table is searched for `host:port`, `host`, the route's `service`, and the
        name of that without its port.

        Raises ValueError if `authority` is not one, ConfigError if the mapped URL is not http or https."""
        origin = origin_of(scheme, authority)
        return self._mapped(origin, service) or origin

    def locate_callout(self, scheme: str, authority: str, service: str, standin: str = "") -> Origin:
        """Does what `locate` does, but finds the stand-in of a service that is not mapped: by the same names, or the
        one that is called `standin`."""
        origin = origin_of(scheme, authority)
        return self._mapped(origin, service) or self._standin([*_names(origin, service), standin]) or origin

    def items(self) -> Iterable[tuple[str, str]]:
        """The names, in lower case, and their URLs."""
        return self._table.items()

    def store(self, name: str, port: int) -> str:
        """The URL of a store's service, found under `name:port` or `name`; "" if the table has neither."""
        return self._table.get(f"{name}:{port}".lower()) or self._table.get(name.lower(), "")

    def _mapped(self, origin: Origin, service: str) -> Origin | None:
        for name in _names(origin, service):
            url = self._table.get(name.lower())
            if url is not None:
                return _mapped(name, url, origin.host)
        return None

    def _standin(self, names: Iterable[str]) -> Origin | None:
        found = next((own for name in names if (own := self._standins.get(name.lower()))), None)
        if found is None:
            return None
        self.answered.add(found)
        return Origin("standin", found, 0)


def _names(origin: Origin, service: str) -> list[str]:
    """The names under which an address may be found, in this order."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return [name for name in (f"{host}:{origin.port}", host, service, service.rpartition(":")[0]) if name]


def _mapped(name: str, url: str, tls_name: str) -> Origin:
    """Returns the address to which `name` is mapped. The certificate must still be that of `tls_name`."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ConfigError(
            [f"services.{name}: {without_password(url)!r} is not HTTP; it must be an http:// or https:// URL"]
        )
    origin = origin_of(scheme, re.split(r"[/?#]", rest, maxsplit=1)[0])
    return origin._replace(tls_name=tls_name if scheme == "https" else "")


def parse_listen(text: str) -> tuple[str, int]:
    """`127.0.0.1:4700`, `[::1]:4700`, `:4700` (every address) or `4700` (loopback). Raises ConfigError."""
    if text.isdecimal():
        text = f"127.0.0.1:{text}"
    elif text.startswith(":"):
        text = f"0.0.0.0{text}"  # noqa: S104  asked for; serve refuses it without key-auth or --insecure
    try:
        host, port = split_authority(text)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    if port is None:
        raise ConfigError([f"{text!r} has no port; write '{text}:4700'"])
    return host, port


def parse_upstream(text: str) -> RouteUpstream:
    """Reads the `upstream:` of a route. A service name without a scheme means plain HTTP, unless its port is 443.
    Raises ValueError."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        _, port = split_authority(text)
        return RouteUpstream("https" if port == 443 else "http", text, text)
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"{without_password(text)!r} must begin with http:// or https://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    _, port = split_authority(authority)
    return RouteUpstream(scheme, authority, authority if port else f"{authority}:{DEFAULT_PORTS[scheme]}")


def service_problem(name: str, url: str) -> str:
    """Says what is wrong with the URL of a service; "" if nothing is."""
    scheme, separator, _ = url.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "must be a URL such as http://127.0.0.1:9100 or redis://127.0.0.1:6379/0"
    if scheme.lower() in DEFAULT_PORTS:
        try:
            _mapped("", url, "")
        except ValueError:
            return "must be http(s)://host[:port]"
        if urlsplit(url).path.strip("/") or urlsplit(url).query:
            return "must end after the port: path and query are those of the original request"
    elif is_redis_url(url):
        if name.partition(":")[0].lower() in PROVIDER_HOSTS:
            return "must be http(s)://host[:port]: this is the host of a provider"
        try:
            parse_redis_url(url)
        except ValueError as error:
            return str(error)
    return ""

"""Reads the URL of a Redis: one server, servers behind sentinels, or a cluster.

    redis://user:password@host:6379/0?prefix=team1:          rediss:// is the same over TLS
    redis+sentinel://host:26379,host2:26379/master-name/0    rediss+sentinel://
    redis+cluster://host:7000,host2:7001                     rediss+cluster://

Rule: reading a URL connects to nothing and loads no client. No message shows the password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from aigw.core.authority import split_authority

SINGLE, SENTINEL, CLUSTER = "single", "sentinel", "cluster"
Kind = Literal["single", "sentinel", "cluster"]
_SCHEMES: Mapping[str, tuple[Kind, bool]] = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
_PORTS: Mapping[Kind, int] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")
_OPTIONS = ("prefix", "sentinel_username", "sentinel_password", *_TLS_OPTIONS)


@dataclass(frozen=True)
class RedisAddress:
    """The address of a Redis. `name` is for people: the URL without user, password and options. `database` and
    `credentials` are None if the URL has none. `tls` has the client's options of the same names, or is None without
    TLS."""

    name: str
    kind: Kind
    nodes: tuple[tuple[str, int], ...]
    database: int | None = None
    master: str = ""
    prefix: str = ""
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    sentinel_credentials: tuple[str, str] = field(default=("", ""), repr=False)
    tls: Mapping[str, str] | None = None


def is_redis_url(url: str) -> bool:
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() in _SCHEMES


def parse_redis_url(url: str) -> RedisAddress:
    """Parses the URL of a Redis. Raises ValueError that says what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"must begin with one of {', '.join(f'{name}://' for name in _SCHEMES)}")
    kind, tls = _SCHEMES[parts.scheme]
    login, separator, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    options = _options(parts.query)
    master, database = _path(kind, [unquote(part) for part in parts.path.strip("/").split("/") if part])
    return RedisAddress(
        name=f"{parts.scheme}://{hosts}{f'/{master}' if master else ''}",
        kind=kind,
        nodes=_nodes(kind, hosts),
        database=database,
        master=master,
        prefix=options.get("prefix", ""),
        credentials=(unquote(username), unquote(password)) if separator else None,
        sentinel_credentials=(options.get("sentinel_username", ""), options.get("sentinel_password", "")),
        tls={name: options[name] for name in _TLS_OPTIONS if name in options} if tls else None,
    )


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise ValueError(f"unknown option {name!r}; there are {', '.join(_OPTIONS)}")
    return options


def _nodes(kind: Kind, hosts: str) -> tuple[tuple[str, int], ...]:
    nodes = [split_authority(host) for host in hosts.split(",")]
    if kind == SINGLE and len(nodes) > 1:
        raise ValueError("several hosts need redis+sentinel:// or redis+cluster://")
    return tuple((host, _PORTS[kind] if port is None else port) for host, port in nodes)


def _path(kind: Kind, parts: list[str]) -> tuple[str, int | None]:
    """The name that the sentinels have for the master, and the number of the database."""
    master = parts.pop(0) if kind == SENTINEL and parts else ""
    if kind == SENTINEL and not master:
        raise ValueError("needs the sentinels' name of the master: redis+sentinel://host:26379/name")
    if not parts:
        return master, None
    if len(parts) > 1 or not parts[0].isdecimal():
        raise ValueError("must end with the number of a database, such as /0")
    if kind == CLUSTER and int(parts[0]):
        raise ValueError("a cluster has no database but 0")
    return master, int(parts[0])

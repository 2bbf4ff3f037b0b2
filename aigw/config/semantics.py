"""Checks what types cannot: addresses, unique names, globs, and the list of plugins in `order:`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from aigw.clients.redis_config import RedisConfig
from aigw.config.model import GatewayConfig, RouteConfig
from aigw.config.report import Report, suggest
from aigw.config.services import ServiceTable, parse_listen, parse_upstream, service_problem
from aigw.core.authority import is_private, split_authority
from aigw.core.errors import ConfigError
from aigw.core.json_path import JsonPath
from aigw.core.plugin import About
from aigw.core.secrets import without_password
from aigw.rag.settings import RagSettings
from aigw.stores.redis.url import is_redis_url, parse_redis_url
from aigw.traffic.volatility import rules

_METHOD = re.compile(r"[A-Z][A-Z0-9-]*")
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s?#]+", re.IGNORECASE)
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+(:\d+)?|\S+:\d+")
"""What is no name of a service, as Higress has them."""


def check_gateway(config: GatewayConfig, report: Report) -> None:
    """Checks everything but the plugins."""
    _try(parse_listen, config.listen, report, ("listen",))
    for name, url in config.services.items():
        if problem := service_problem(name, url):
            report.error(("services", name), f"{problem}, got {report.say(('services', name), url)}")
        _try(split_authority, name, report, ("services", name))
    if config.usage:
        _try(parse_redis_url, config.usage, report, ("usage",))
    for index, origin in enumerate(config.cors.origins):
        if not _ORIGIN.fullmatch(origin):
            report.error(("cors", "origins", index), f"must be '*' or scheme://host[:port], got {origin!r}")
    for index, host in enumerate(config.hosts):
        _try(split_authority, host, report, ("hosts", index))
    _check_rag(config.rag, report)
    for wrong in rules.check(config.record.volatile):
        report.error(("record", "volatile", *wrong.path), wrong.message)
    seen: dict[str, int] = {}
    for index, route in enumerate(config.routes):
        path: JsonPath = ("routes", index)
        if route.name in seen:
            first = report.line(("routes", seen[route.name], "name"))
            report.error((*path, "name"), f"{route.name!r} is already the name of the route in line {first}")
        seen.setdefault(route.name, index)
        _check_route(route, path, report)


def check_redis(configs: Iterable[Any], services: Mapping[str, str], report: Report) -> None:
    """Checks that what plugins use as a Redis is mapped to one. `configs` are those of the plugins."""
    table = ServiceTable(services)
    used = [part.service() for config in configs for part in _parts(config) if isinstance(part, RedisConfig)]
    wrong = {url for each in used if (url := table.store(each.name, each.port)) and not is_redis_url(url)}
    names = {name for each in used for name in (each.name.lower(), f"{each.name}:{each.port}".lower())}
    for name, url in services.items():
        if url in wrong and name.lower() in names:
            place = ("services", name)
            told = "a plugin uses it as a Redis, so it must be a redis:// URL"
            report.error(place, f"{told}, got {report.say(place, url)}")
    for name in dict.fromkeys(each.name for each in used if not table.store(each.name, each.port)):
        if "://" in name or _ADDRESS.fullmatch(name):
            told = f"a plugin has {without_password(name)!r} as the name of its Redis: this machine keeps the values"
            report.note(
                ("services",), f"{told}; name it redis.static, and write services: {{redis.static: redis://...}}"
            )


def _parts(config: Any) -> list[Any]:
    return list(msgspec.structs.asdict(config).values()) if isinstance(config, msgspec.Struct) else []


def check_order(order: list[str], configured: Mapping[str, About[Any] | None], report: Report) -> None:
    """Checks that `order:` lists every configured plugin once and nothing else, and that plugins which say who the
    client is stand before those that trust it."""
    names = list(configured)
    for index, name in enumerate(order):
        if name in order[:index]:
            report.error(("order", index), f"lists {name!r} twice")
        elif name not in names:
            report.error(("order", index), f"{name!r} is not configured under plugins{suggest(name, names)}")
    for name in names:
        if name not in order:
            report.error(("order",), f"must list every configured plugin; {name!r} is missing")
    known = [(index, name, about) for index, name in enumerate(order) if (about := configured.get(name)) is not None]
    for index, _, about in known:
        later = [name for place, name, each in known if place > index and each.identifies]
        if about.trusts_consumer and later:
            message = f"stands before {later[0]}: everybody would be the consumer, or the admin, that he says he is"
            report.error(("order", index), message)


def _check_rag(rag: RagSettings, report: Report) -> None:
    for kind, service in (("openai", rag.openai), ("dashscope", rag.dashscope)):
        try:
            host, _ = split_authority(parse_upstream(service.url).authority)
        except ValueError as error:
            report.error(("rag", kind, "url"), str(error))
            continue
        if rag.embedder == kind and not service.api_key and not is_private(host):
            report.note(("rag", kind), f"has no api_key, without which {host} refuses requests")


def _check_route(route: RouteConfig, path: JsonPath, report: Report) -> None:
    if "*" in route.match.path[:-1]:
        report.error((*path, "match", "path"), "may have one *, at its end")
    for index, method in enumerate(route.match.methods):
        if not _METHOD.fullmatch(method):
            report.error((*path, "match", "methods", index), f"must be a method in capitals, got {method!r}")
    if route.upstream:
        _try(parse_upstream, route.upstream, report, (*path, "upstream"))
        if re.fullmatch(r"\w+://[^/?#]*(/?[?#].*|/.+)", route.upstream):
            report.note((*path, "upstream"), "only scheme, host and port are used; path and query are the request's")


def _try(parse: Callable[[str], Any], text: str, report: Report, path: JsonPath) -> None:
    try:
        parse(text)
    except (ConfigError, ValueError) as error:
        report.error(path, str(error))

"""Loads a configuration file. All mistakes are found before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from aigw.config.check import Checker
from aigw.config.guard import check_guard, word_files
from aigw.config.model import GatewayConfig, RouteConfig
from aigw.config.plugins import FindPlugin, LoadedPlugin, PluginLoader, find_plugin, plugins_with
from aigw.config.reading import read_file
from aigw.config.report import Report
from aigw.config.rules import HIGRESS_HOSTS, SAFE_HOSTS, HostForms
from aigw.config.semantics import check_gateway, check_order, check_redis
from aigw.config.services import ServiceTable, parse_upstream
from aigw.config.source import Source, read
from aigw.core.errors import ConfigError
from aigw.guard.settings import GuardSettings
from aigw.higress.places import sort

NO_FILE = "(no configuration file)"
RESOURCE = "this is a Kubernetes resource; `aigw higress import` makes a configuration of it"
PLUGIN = "these are keys of the plugin {}; put them under its name, and that under plugins: as in plugins: {{{}: ...}}"
FOREIGN = "x-"
"""A top-level key that begins like this means nothing to a gateway."""


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """A configuration without errors. `plugins` are in the order in which they see a request. `notes` are complete
    lines. `guard` is the section of this name with the words of its files, which are `files`.

    `state_dir` is not created here. `path` is None if there is no file."""

    path: Path | None
    config: GatewayConfig
    plugins: dict[str, LoadedPlugin]
    services: ServiceTable
    state_dir: Path
    source: Source
    notes: list[str] = field(default_factory=list)
    guard: GuardSettings = field(default_factory=GuardSettings)
    files: tuple[Path, ...] = ()

    @property
    def hosts(self) -> HostForms:
        return _hosts(self.config)

    def service(self, route: str) -> str:
        """The service of a route, as fqdn:port: `_match_service_` is compared with it. "" if the route has no upstream
        or does not exist."""
        for each in self.config.routes:
            if each.name == route and each.upstream:
                return parse_upstream(each.upstream).service
        return ""

    def order(self, route: str) -> list[str]:
        """The plugins that can take part on a route, outermost first. "" stands for the requests that no route
        takes."""
        service = self.service(route)
        return [
            name
            for name, plugin in self.plugins.items()
            if plugin.rules.select(route, "", service) is not None or plugin.rules.depends_on_host(route, service)
        ]


def load(
    path: Path | None,
    env: Mapping[str, str],
    find: FindPlugin = find_plugin,
    *,
    text: bytes = b"",
    name: str = NO_FILE,
) -> Loaded:
    """Reads and checks the file, and the `.env` beside it; `env` goes before that. Without a path it reads `text`,
    which messages call `name`.

    Raises ConfigError with all findings."""
    loaded, report = examine(path, env, find, text=text, name=name)
    if loaded is None:
        raise ConfigError(report.format_all(report.errors))
    return loaded


def examine(
    path: Path | None,
    env: Mapping[str, str],
    find: FindPlugin = find_plugin,
    *,
    text: bytes = b"",
    name: str = NO_FILE,
) -> tuple[Loaded | None, Report]:
    """Does what `load` does, and returns the report with all errors and notes. If there are errors, Loaded is None."""
    if path is None:
        source, report = read(text, env, name, is_file=False)
    else:
        source, report = read_file(path, env)
    if "kind" in source.values and "apiVersion" in source.values:
        report.error(("kind",), RESOURCE)
        return None, report
    checker = Checker(source, report)
    values = {key: value for key, value in source.values.items() if not key.startswith(FOREIGN)}
    if values and (names := _misplaced(values, find)):
        report.error((), PLUGIN.format(" or ".join(names), names[0]), report.line((next(iter(values)),)))
        return None, report
    config = checker.convert(values, GatewayConfig, ())
    if config is None:
        config = _usable_part(checker, values)
    folder = path.parent if path is not None else Path()
    check_gateway(config, report)
    guard = check_guard(config.guard, folder, report)
    config = _with_patterns(config, _hosts(config))
    lenient, beside = config.fidelity == "higress", folder if path is not None else None
    loader = PluginLoader(checker, find, _hosts(config), lenient_global=lenient, folder=beside)
    plugins = loader.load(config.plugins, config.routes)
    check_redis([each for plugin in plugins.values() for each in plugin.rules.configs], config.services, report)
    names = sort({name: plugin.about.place for name, plugin in plugins.items()})
    if config.order is not None:
        check_order(config.order, loader.seen, report)
        names = [name for name in config.order if name in plugins]
    if report.errors:
        return None, report
    return Loaded(
        path,
        config,
        {name: plugins[name] for name in names},
        ServiceTable(config.services),
        folder / Path(config.state_dir).expanduser(),
        source,
        report.format_all(report.notes),
        guard,
        tuple(word_files(config.guard, folder)),
    ), report


def _hosts(config: GatewayConfig) -> HostForms:
    return HIGRESS_HOSTS if config.fidelity == "higress" else SAFE_HOSTS


def _with_patterns(config: GatewayConfig, hosts: HostForms) -> GatewayConfig:
    """The configuration with the hosts of its routes in the form in which they are compared."""
    replace = msgspec.structs.replace
    routes = []
    for route in config.routes:
        match = replace(route.match, hosts=[hosts.pattern(each) for each in route.match.hosts])
        routes.append(replace(route, match=match))
    return replace(config, routes=routes)


def _top_level_keys() -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(GatewayConfig)}


def _misplaced(values: Mapping[str, Any], find: FindPlugin) -> list[str]:
    """Returns the plugins whose configuration stands at the top level, where settings of the gateway belong."""
    return [] if _top_level_keys() & set(values) else plugins_with(values, find)


def _usable_part(checker: Checker, raw: Mapping[str, Any]) -> GatewayConfig:
    """The sections that have no errors, so that the plugins can be checked in the same run as a wrong section."""
    usable = {}
    known = _top_level_keys()
    for key, value in raw.items():
        if key not in known:
            continue
        if key == "routes" and isinstance(value, list):
            value = [_usable_route(checker, item, index) for index, item in enumerate(value)]
        with checker.report.aside() as (errors, _):
            checker.convert({key: value}, GatewayConfig, ())
        if not errors:
            usable[key] = value
    with checker.report.aside():
        config: GatewayConfig | None = checker.convert(usable, GatewayConfig, ())
    return config or GatewayConfig()


def _usable_route(checker: Checker, item: Any, index: int) -> Any:
    with checker.report.aside() as (errors, _):
        checker.convert(item, RouteConfig, ("routes", index))
    if not errors:
        return item
    plugins = item.get("plugins") if isinstance(item, dict) else None
    return {"name": f"routes[{index}]", "plugins": plugins if isinstance(plugins, dict) else {}}

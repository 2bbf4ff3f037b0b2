"""The plugins of a configuration: finds them, checks their configurations and rules, and makes the typed ones.

This is the only place that imports a plugin, by its dotted name, for its ABOUT."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import aigw.plugins
from aigw.config.check import Checker, Converted
from aigw.config.model import DEFAULT_ROUTE, RouteConfig
from aigw.config.report import Report, suggest
from aigw.config.rules import (
    MATCH_CONSUMER,
    MATCH_KEYS,
    NO_CONSUMERS,
    NO_MATCH_KEY,
    HostForms,
    PluginRules,
    Rule,
    match_keys,
)
from aigw.config.usable import touches
from aigw.core.json_path import JsonPath
from aigw.core.plugin import About, Problem
from aigw.higress.other_plugins import OTHER_PLUGINS, why_missing

FindPlugin = Callable[[str], About[Any] | None]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ROUTE_KEY = MATCH_KEYS[0]
_STANDINS = "standins."
"""How the names of the gateway's own routes begin, which are in no file."""


@dataclass(frozen=True, slots=True, repr=False)
class LoadedPlugin:
    """A plugin that takes part somewhere. `rules.configs` are instances of `about.config`, or None."""

    name: str
    about: About[Any]
    rules: PluginRules

    def __repr__(self) -> str:
        return f"LoadedPlugin({self.name!r})"


def find_plugin(name: str) -> About[Any] | None:
    """The ABOUT of the plugin with this Higress name, of a file or of the `plugin.py` of a folder; None if aigw has no
    such plugin."""
    dotted = f"aigw.plugins.{name.replace('-', '_')}"
    if not _NAME.fullmatch(name) or (found := importlib.util.find_spec(dotted)) is None:
        return None
    module = importlib.import_module(f"{dotted}.plugin" if found.submodule_search_locations else dotted)
    about: About[Any] = module.ABOUT
    return about


def installed_plugins() -> list[str]:
    """The Higress names of all plugins that aigw has, without importing any."""
    return sorted(each.name.replace("_", "-") for each in pkgutil.iter_modules(aigw.plugins.__path__))


def plugins_with(keys: Collection[str], find: FindPlugin = find_plugin) -> list[str]:
    """The Higress names of the plugins that have all of these keys, as where the configuration of a plugin stands
    alone."""
    named = {name: about for name in installed_plugins() if (about := find(name)) is not None}
    return [name for name, about in named.items() if set(keys) <= _keys(about) | {"_rules_"}]


def _keys(about: About[Any]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(about.config)}


def taken_over(about: About[Any], default: Mapping[str, Any], own: Collection[str], *, exact: bool) -> dict[str, Any]:
    """Returns what a rule with these keys takes over from the global config of a plugin that inherits."""
    without = about.not_inherited(own, exact=exact)
    return {key: value for key, value in default.items() if key not in without}


class PluginLoader:
    """Turns the raw `plugins:` and the routes' changes into LoadedPlugins. Errors go to the checker's report."""

    def __init__(
        self, checker: Checker, find: FindPlugin, hosts: HostForms, *, lenient_global: bool, folder: Path | None
    ) -> None:
        """`folder` has the file of the configuration, None if there is none."""
        self._checker = checker
        self._report: Report = checker.report
        self._find = find
        self._hosts = hosts
        self._lenient_global = lenient_global
        """Higress tolerates a global configuration that does not parse if there are rules."""
        self._folder = folder
        self.seen: dict[str, About[Any] | None] = {}
        """Every plugin that the last `load` found configured, also those with errors; None for one that aigw does not
        have."""

    def load(self, plugins: Mapping[str, Any], routes: list[RouteConfig]) -> dict[str, LoadedPlugin]:
        """Returns the plugins of the configuration by name, in the order of the file. A plugin of which there is
        nothing but a route that switches it off is checked and left out."""
        loaded: dict[str, LoadedPlugin] = {}
        names = dict.fromkeys([*plugins, *(name for route in routes for name in route.plugins)])
        on_routes = {name for route in routes for name, value in route.plugins.items() if value is not False}
        self.seen = {}
        for name in names:
            path: JsonPath = ("plugins", name)
            if name not in plugins:
                path = next(("routes", i, "plugins", name) for i, route in enumerate(routes) if name in route.plugins)
            about = self._about(name, path)
            if name in plugins or name in on_routes:
                self.seen[name] = about
            if about is None:
                continue
            reader = _PluginReader(self._checker, name, about, self._hosts, self._lenient_global, self._folder)
            rules = reader.read(plugins, routes)
            if rules is not None and any(config is not None for config in rules.configs):
                loaded[name] = LoadedPlugin(name, about, rules)
        return loaded

    def _about(self, name: str, path: JsonPath) -> About[Any] | None:
        about = self._find(name)
        if about is None and name in OTHER_PLUGINS:
            self._report.error(path, why_missing(name, "take it out"))
        elif about is None:
            hint = suggest(name, installed_plugins()) or f"; known: {', '.join(installed_plugins())}"
            self._report.error(path[:-1], f"unknown plugin {name!r}{hint}", self._report.line(path))
        return about


class _PluginReader:
    """Reads one plugin: its global configuration, its rules, and what the routes say."""

    def __init__(
        self,
        checker: Checker,
        name: str,
        about: About[Any],
        hosts: HostForms,
        lenient_global: bool,
        folder: Path | None,
    ) -> None:
        self._checker = checker
        self._report = checker.report
        self._name = name
        self._about = about
        self._hosts = hosts
        self._lenient_global = lenient_global
        self._folder = folder
        self._path: JsonPath = ("plugins", name)
        self._global: dict[str, Any] = {}
        self._inherited: dict[str, Any] = {}
        """The values of the global configuration as rules take them over."""
        self._routes: list[str] = []
        self._known: frozenset[str] = frozenset()

    def read(self, plugins: Mapping[str, Any], routes: list[RouteConfig]) -> PluginRules | None:
        self._routes = [route.name for route in routes] or [DEFAULT_ROUTE.name]
        self._known = frozenset(self._routes)
        raw = plugins.get(self._name)
        raw = {} if raw is None else raw
        if not isinstance(raw, dict):
            self._report.error(self._path, "must be a mapping; {} switches the plugin on with nothing set")
            return None
        self._global = {key: value for key, value in raw.items() if key != "_rules_"}
        has_global = self._name in plugins and (bool(self._global) or "_rules_" not in raw)
        default = self._read_global(bool(raw.get("_rules_"))) if has_global else None
        self._inherited = self._global if default is None else self._converted(default)
        own = self._from_routes(routes)
        pairs = [*own, *self._from_array(raw.get("_rules_"))]
        if self._name in plugins and not has_global and not pairs:
            self._report.note(self._path, "has neither a global configuration nor a rule, so that it never runs")
        configs, default = self._about.arrange([config for _, config in pairs], default)
        return PluginRules([rule for rule, _ in pairs], [*configs, default], len(own))

    def _read_global(self, has_rules: bool) -> Any:
        if not (self._lenient_global and has_rules):
            return self._convert(self._global, self._path, {})
        with self._report.aside() as (errors, notes):
            config = self._convert(self._global, self._path, {})
        self._report.add([], notes)
        for error in errors:
            self._report.note(
                error.path, f"{error.message} (Higress ignores such a global configuration: only rules count)"
            )
        return config

    def _from_routes(self, routes: list[RouteConfig]) -> list[tuple[Rule, Any]]:
        pairs: list[tuple[Rule, Any]] = []
        for index, route in enumerate(routes):
            if self._name not in route.plugins:
                continue
            value = route.plugins[self._name]
            path = ("routes", index, "plugins", self._name)
            value = {} if value is None else value
            if value is False:
                pairs.append((Rule(routes=(route.name,)), None))
            elif isinstance(value, dict):
                pairs.append((Rule(routes=(route.name,)), self._rule_config(value, path)))
            else:
                self._report.error(path, "must be a mapping, or false to switch the plugin off on this route")
        return pairs

    def _from_array(self, raw: Any) -> list[tuple[Rule, Any]]:
        path = (*self._path, "_rules_")
        if raw is None:
            return []
        if not isinstance(raw, list):
            self._report.error(path, "must be a list of rules")
            return []
        pairs = []
        for index, rule in enumerate(raw):
            place = (*path, index)
            if not isinstance(rule, dict):
                self._report.error(place, "must be a mapping: match keys and a configuration")
                continue
            keys = {key: rule[key] for key in MATCH_KEYS if key in rule}
            types = [self._checker.convert(value, list[str], (*place, key)) for key, value in keys.items()]
            own = {key: value for key, value in rule.items() if not key.startswith("_match")}
            for key in rule:
                if key not in own and key not in keys:
                    line = self._report.line((*place, key))
                    unknown = f"unknown key {key!r}{suggest(key, MATCH_KEYS)}"
                    self._report.error(place, NO_CONSUMERS if key == MATCH_CONSUMER else unknown, line)
            config = self._rule_config(own, place)
            if not any(
                each != "" for value in keys.values() for each in (value if isinstance(value, list) else [value])
            ):
                self._report.error(place, NO_MATCH_KEY)
            elif None not in types:
                found = dict(zip(keys, types, strict=True))
                self._note_unknown_routes(found.get(_ROUTE_KEY, ()), place)
                pairs.append((match_keys(found, self._hosts), config))
        return pairs

    def _note_unknown_routes(self, names: Sequence[str], place: JsonPath) -> None:
        """Says which routes a rule names in vain. Of the stand-ins there are routes that are not in the file."""
        for index, name in enumerate(names):
            if name not in self._known and not name.startswith(_STANDINS):
                self._report.note((*place, _ROUTE_KEY, index), self._no_route(name))

    def _rule_config(self, own: dict[str, Any], path: JsonPath) -> Any:
        """A rule's configuration replaces the global one; a plugin that inherits gets a copy of it with
        the rule's own keys on top, without what these exclude."""
        if not self._about.inherits:
            return self._convert(own, path, {})
        taken = taken_over(self._about, self._inherited, own, exact=self._lenient_global)
        keys = {key: (*self._path, key) for key in taken if key not in own}
        return self._convert({**taken, **own}, path, keys)

    def _converted(self, config: Any) -> dict[str, Any]:
        fields = {field.encode_name: field.name for field in msgspec.structs.fields(config)}
        return {key: Converted(getattr(config, fields[key])) for key in self._global}

    def _unknown_routes(self, config: Any) -> Iterator[Problem]:
        for place, name in self._about.asks(config).items():
            if name and name not in self._known:
                yield Problem(place, self._no_route(name))

    def _missing_files(self, config: Any) -> Iterator[Problem]:
        if self._folder is None:
            return
        for place, name in self._about.reads(config).items():
            if name and not (self._folder / Path(name).expanduser()).is_file():
                yield Problem(place, f"there is no file {name}")

    def _no_route(self, name: str) -> str:
        return f"there is no route {name!r}" + (suggest(name, self._routes) or f"; there are {', '.join(self._routes)}")

    def _convert(self, raw: dict[str, Any], path: JsonPath, keys: Mapping[str, JsonPath]) -> Any:
        config = self._checker.convert(raw, self._about.config, path, keys)
        usable = config
        left_out: list[JsonPath] = []
        if config is None or self._checker.source.missing:
            usable, left_out = self._checker.usable(raw, self._about.config, path, keys)
        if usable is not None:
            for problem in [
                *self._about.check(usable),
                *self._unknown_routes(usable),
                *self._missing_files(usable),
            ]:
                other = problem.higress_only and not self._lenient_global
                if other or (left_out and touches(problem.path, left_out)):
                    continue
                first, rest = problem.path[:1], problem.path[1:]
                start = keys.get(str(first[0]), (*path, *first)) if first else path
                noted = problem.note or (problem.quirk and self._lenient_global)
                told = self._report.note if noted else self._report.error
                told((*start, *rest), problem.message)
        return config

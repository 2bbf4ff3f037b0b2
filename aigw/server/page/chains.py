"""The plugins that a request meets on each route, outermost first, with the configuration that is in force there.

Rule: no secret gets in here, as in `config/effective.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE
from aigw.config.plugins import LoadedPlugin
from aigw.config.secret_values import secrets_in
from aigw.core.json_path import JsonPath
from aigw.core.secrets import HIDDEN, is_hidden, without_password

_EMPTY: tuple[Any, ...] = (None, "", [], {}, False, 0)


def chains(loaded: Loaded) -> list[dict[str, Any]]:
    secrets = secrets_in(loaded) | set(_supplied(loaded))
    return [
        {
            "name": route.name,
            "match": _filled(msgspec.to_builtins(route.match)),
            "upstream": without_password(route.upstream),
            "plugins": [
                _plugin(plugin, index, secrets)
                for plugin in loaded.plugins.values()
                for index in _possible(loaded, plugin, route.name)
            ],
        }
        for route in loaded.config.routes or (DEFAULT_ROUTE,)
    ]


def _possible(loaded: Loaded, plugin: LoadedPlugin, route: str) -> Iterator[int]:
    """The configurations that requests of a route can get, whatever their host."""
    service, rules = loaded.service(route), plugin.rules
    for index, rule in enumerate(rules.rules):
        if rule.looks_at_host:
            yield index
        elif rule.matches(route, "", service):
            yield index
            return
    if rules.default is not None:
        yield len(rules.rules)


def _plugin(plugin: LoadedPlugin, index: int, secrets: set[str]) -> dict[str, Any]:
    config, place, why = plugin.rules.configs[index], plugin.about.place, plugin.rules.why(index)
    return {
        "name": plugin.name,
        "place": f"{place.phase} {place.priority}".strip(),
        "why": why["config"],
        "match": why.get("match", {}),
        "off": config is None,
        "config": {} if config is None else _filled(_hidden(msgspec.to_builtins(config), (), secrets)),
    }


def _hidden(value: Any, path: JsonPath, secrets: set[str]) -> Any:
    if isinstance(value, dict):
        return {str(key): _hidden(item, (*path, str(key)), secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(item, (*path, place), secrets) for place, item in enumerate(value)]
    if value not in _EMPTY and is_hidden(path, value):
        return HIDDEN
    if isinstance(value, str):
        return HIDDEN if value in secrets else without_password(value)
    return value


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values that are not empty, false or 0."""
    return {key: value for key, value in values.items() if value not in _EMPTY}


def _supplied(loaded: Loaded) -> Iterator[str]:
    """Yields every value that came through a `${...}`."""
    for path in loaded.source.expanded:
        value: Any = loaded.source.values
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                value = None
        if isinstance(value, str) and value:
            yield value

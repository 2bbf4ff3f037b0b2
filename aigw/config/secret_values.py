"""Finds the secrets of a configuration, so that they can be hidden wherever they turn up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.config.load import Loaded
from aigw.core.json_path import JsonPath
from aigw.core.redaction import SHORTEST
from aigw.core.secrets import is_secret


def secrets_in(loaded: Loaded) -> set[str]:
    """The values under keys that name a secret, and the values of variables that name one."""
    source = loaded.source
    found = {value for path, value in _leaves(source.values, ()) if is_secret(path)}
    for path, names in source.expanded.items():
        if is_secret(names) and isinstance(value := _at(source.values, path), str):
            found.add(value)
    return {value for value in found if len(value) >= SHORTEST}


def _at(value: Any, path: JsonPath) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _leaves(value: Any, path: JsonPath) -> Iterator[tuple[JsonPath, str]]:
    """Yields every text of a value, with its path."""
    waiting: list[tuple[JsonPath, Any]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
        elif isinstance(value, str):
            yield path, value

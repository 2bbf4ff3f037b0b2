"""The configuration as its file has it, with references to secrets of a cluster in the place of secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aigw.config.files import content
from aigw.config.load import Loaded, load
from aigw.config.reading import read_file
from aigw.config.source import MAX_BYTES, read
from aigw.core.json_path import JsonPath
from aigw.core.secrets import is_secret
from aigw.resources.variables import Variables, in_cluster, references_in


class SourceConfig(NamedTuple):
    """A configuration with the text of its file. `missing` are variables that the environment does not have: they have
    made-up values in `loaded`."""

    loaded: Loaded
    text: bytes
    missing: frozenset[str] = frozenset()


def given(path: Path | None, env: Mapping[str, str], text: bytes = b"") -> SourceConfig:
    """Loads a file, or the text, for an export, which needs no secrets. Raises ConfigError with all other mistakes in
    it."""
    source, _ = read_file(path, env) if path is not None else read(text, env)
    missing = {name for names in source.missing.values() for name in names}
    loaded = load(path, {**{name: f"unknown-{name}" for name in missing}, **env}, text=text)
    return SourceConfig(loaded, content(path, MAX_BYTES) if path is not None else text, frozenset(missing))


def portable(config: SourceConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of the file, and the keys that the Secret of the cluster must have, each with the secret, or the
    default, that stands in the file, "" if the environment has it. A variable that is no secret is replaced by its
    value."""
    source, missing = config.loaded.source, config.missing
    referring, _ = read(config.text, _References(), "")
    defaults: dict[str, str] = {}

    def value(real: Any, other: Any, path: JsonPath) -> Any:
        if isinstance(real, dict):
            others = other if isinstance(other, dict) else {}
            return {key: value(item, others.get(key), (*path, key)) for key, item in real.items()}
        if isinstance(real, list):
            each = other if isinstance(other, list) and len(other) == len(real) else [None] * len(real)
            return [value(item, each[index], (*path, index)) for index, item in enumerate(real)]
        names = references_in(other) if path in source.expanded else set()
        if not (names and (is_secret(path) or is_secret([*names]) or not missing.isdisjoint(names))):
            return real
        if not source.expanded[path]:
            defaults[other] = real
        return other

    known = references_in(referring.values)
    variables = Variables(in_cluster, keep_references=True, taken=known)
    found: dict[str, Any] = variables.hide(value(source.values, referring.values, ()), ())
    secrets = {name: variables.values.get(name) or defaults.get(in_cluster(name), "") for name in references_in(found)}
    return found, dict(sorted(secrets.items()))


class _References(Mapping[str, str]):
    """An environment in which every variable is a reference to its secret."""

    def __getitem__(self, name: str) -> str:
        return in_cluster(name)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

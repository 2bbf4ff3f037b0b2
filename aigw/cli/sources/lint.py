"""Finds what varies between two recordings of one run, for `aigw replay lint`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigw.cli.default_file import configuration
from aigw.config.load import load
from aigw.config.secret_values import secrets_in
from aigw.traffic.format.folder import Folder, iterate
from aigw.traffic.matching.identity import recorded
from aigw.traffic.runs.alignment import Item, aligned
from aigw.traffic.runs.lint import Lint, RunCall, lint
from aigw.traffic.settings import RecordSettings
from aigw.traffic.volatility.rules import Rules


def linted(old: Path, new: Path, config: Path | None, env: Mapping[str, str]) -> Lint:
    """Applies the rules of the configuration if there is one. Raises ConfigError, RecordingError."""
    record, secrets = RecordSettings(), set[str]()
    if (path := configuration(config)) is not None:
        loaded = load(path, env)
        record, secrets = loaded.config.record, secrets_in(loaded)
    rules = Rules.of(record.volatile, folder=str(Path.cwd()), home=str(Path.home()))
    (before, one), (after, other) = _read(Folder(old), rules), _read(Folder(new), rules)
    first, second = [], []
    for number, pair in enumerate(aligned(before, after)):
        if pair.old is not None:
            first.append(RunCall(number, 0, one[pair.old.name]))
        if pair.new is not None:
            second.append(RunCall(number, 0, other[pair.new.name]))
    return lint(first, second, sorted(secrets))


def _read(folder: Folder, rules: Rules) -> tuple[list[Item], dict[str, dict[str, Any]]]:
    """Returns all calls of a run, also those of plugins, and their canonical forms by name."""
    items, values = [], {}
    for entry, recording in iterate(folder):
        key, values[entry.name] = recorded(recording, rules)
        items.append(Item(entry.name, entry.group, entry.session_name, (key, f"{entry.service} {entry.api}")))
    return items, values

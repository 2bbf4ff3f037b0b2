"""Compares two folders of recordings for `aigw diff`, by the rules and prices of the configuration if there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from aigw.cli.default_file import configuration
from aigw.config.load import load
from aigw.config.secret_values import secrets_in
from aigw.pricing.prices import Prices
from aigw.traffic.format.folder import Folder
from aigw.traffic.runs.client_calls import Run, read_run
from aigw.traffic.runs.run_comparison import Comparison, Side, compare, priced_run
from aigw.traffic.settings import RecordSettings
from aigw.traffic.volatility.rules import Rules


def differing(old: Path, new: Path, config: Path | None, env: Mapping[str, str]) -> Comparison:
    """Raises ConfigError, RecordingError."""
    record, prices, secrets = RecordSettings(), Prices(), set[str]()
    if (path := configuration(config)) is not None:
        loaded = load(path, env)
        record, prices, secrets = loaded.config.record, Prices(loaded.config.prices), secrets_in(loaded)
    rules = Rules.of(record.volatile, folder=str(Path.cwd()), home=str(Path.home()))
    folders = Folder(old), Folder(new)
    runs = [read_run(folder) for folder in folders]
    before, after = asyncio.run(_priced(folders, runs, prices))
    return compare(before, after, rules, secrets)


async def _priced(folders: Sequence[Folder], runs: Sequence[Run], prices: Prices) -> list[Side]:
    return [await priced_run(folder, run, prices) for folder, run in zip(folders, runs, strict=True)]

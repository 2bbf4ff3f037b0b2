"""Compares two folders of recordings for `aigw diff`, by the rules and prices of the configuration if there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from aigw.cli.default_file import configuration
from aigw.config.load import load
from aigw.config.secret_values import secrets_in
from aigw.pricing.prices import Prices
from aigw.traffic.format.folder import Folder
from aigw.traffic.format.tree import below, place_of
from aigw.traffic.runs.client_calls import Run, read_run
from aigw.traffic.runs.run_comparison import Compared, Comparison, Side, compare, priced_run
from aigw.traffic.settings import RecordSettings
from aigw.traffic.volatility.rules import Rules


def differing(old: Path, new: Path, config: Path | None, env: Mapping[str, str]) -> Comparison:
    """Raises ConfigError, RecordingError."""
    record, prices, secrets = RecordSettings(), Prices(), set[str]()
    if (path := configuration(config)) is not None:
        loaded = load(path, env)
        record, prices, secrets = loaded.config.record, Prices(loaded.config.prices), secrets_in(loaded)
    rules = Rules.of(record.volatile, folder=str(Path.cwd()), home=str(Path.home()))
    here, there = ({place_of(folder, root): folder for folder in below(root)} for root in (old, new))
    total = Comparison([], [], [])
    for place in sorted(here.keys() | there.keys()):
        before, after = asyncio.run(_priced([here.get(place), there.get(place)], prices))
        found = compare(before, after, rules, secrets)
        calls = [_named(call, place) for call in found.calls]
        total = Comparison(total.calls + calls, total.old + found.old, total.new + found.new)
    return total


async def _priced(folders: Sequence[Folder | None], prices: Prices) -> list[Side]:
    """Reads two runs with their costs. A missing folder counts as a run without calls."""
    runs = [read_run(folder) if folder is not None else Run([], 0) for folder in folders]
    return [await priced_run(folder or Folder(Path()), run, prices) for folder, run in zip(folders, runs, strict=True)]


def _named(call: Compared, place: str) -> Compared:
    """Puts the folder of a test in front of the name of its call."""
    old, new = (replace(each, name=f"{place}{each.name}") if each else None for each in (call.old, call.new))
    return call._replace(old=old, new=new)

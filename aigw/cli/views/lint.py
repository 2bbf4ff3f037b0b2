"""Shows what varies between two recordings of one run, and the rules that declare it volatile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from aigw.cli.terminal.columns import cut
from aigw.cli.terminal.figures import counted
from aigw.core.plain import plain
from aigw.traffic.runs.lint import Lint
from aigw.traffic.volatility.rules import VolatileRule


def rules(found: Lint) -> list[VolatileRule]:
    """Returns the proposed rules, once each."""
    return list(dict.fromkeys(each.rule for each in found.varying if each.rule is not None))


def lines(found: Lint, width: int) -> Iterator[str]:
    """Yields what varies, then what to add to the configuration."""
    alone = found.only_first + found.only_second
    others = f", {alone} without a counterpart" if alone else ""
    yield f"{counted(found.same, 'request')} the same, {found.different} different{others}"
    for each in found.varying:
        yield ""
        doubt = "" if each.rule else ": no rule fits; is it the same run?"
        yield cut(f"{plain(each.path)} in {counted(each.calls, 'call')}{doubt}", width)
        yield cut(f"  {plain(str(each.example).removeprefix(f'{each.example.path}: '))}", width)
    if proposed := rules(found):
        yield ""
        yield "If this varies by itself, add to aigw.yaml:"
        yield ""
        yield from written(proposed).splitlines()


def written(proposed: list[VolatileRule]) -> str:
    """Returns the rules as YAML."""
    value = {"record": {"volatile": {"rules": msgspec.to_builtins(proposed)}}}
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)


def plain_lint(found: Lint) -> dict[str, Any]:
    """Returns the result as plain data, for `--json`."""
    varying = [
        {
            "path": each.path,
            "calls": each.calls,
            "old": each.example.old,
            "new": each.example.new,
            "rule": msgspec.to_builtins(each.rule),
        }
        for each in found.varying
    ]
    counts = {name: value for name, value in found._asdict().items() if name != "varying"}
    return {**counts, "varying": varying, "rules": msgspec.to_builtins(rules(found))}

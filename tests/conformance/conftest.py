"""Collects the cases, marks the exceptions, and ends a run with a table of what passed."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the tests are no package; this makes the player's modules importable

from player.cases import Case, load, not_built, plugins_of, stores_of  # noqa: E402

FILES = [HERE / "higress-cases.yaml", HERE / "more-cases.yaml"]
OUTCOMES = {"passed": "passed", "failed": "failed", "error": "failed", "xfailed": "excepted", "skipped": "not built"}
COLUMNS = ["passed", "failed", "excepted", "not built"]
PLUGIN = "plugin"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case, or one for each kind of store that it is played with."""
    if "case" not in metafunc.fixturenames:
        return
    given = metafunc.config.getoption("--cases")
    exceptions = yaml.safe_load((HERE / "exceptions.yaml").read_text(encoding="utf-8")) or {}
    cases = [case for file in ([given] if given else FILES) for case in load(file)]
    played = [_parameter(case, store, exceptions) for case in cases for store in stores_of(case)]
    metafunc.parametrize(("case", "store"), played)


def _parameter(case: Case, store: str, exceptions: dict[str, str]) -> Any:
    """An excepted case is played and must fail; a case of a part that is not built is not played."""
    marks = []
    if missing := not_built(case):
        marks.append(pytest.mark.skip(reason=f"not built yet: {', '.join(missing)}"))
    elif case["id"] in exceptions:
        marks.append(pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason=exceptions[case["id"]]))
    return pytest.param(case, store, id=case["id"] if store == "local" else f"{case['id']}-{store}", marks=marks)


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    if case:
        item.user_properties.append((PLUGIN, " + ".join(plugins_of(case)) or "(no plugin)"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: dict[str, Counter[str]] = {}
    for outcome, column in OUTCOMES.items():
        for report in terminalreporter.stats.get(outcome, []):
            plugin = dict(getattr(report, "user_properties", [])).get(PLUGIN)
            if plugin is not None:
                counts.setdefault(plugin, Counter())[column] += 1
    if not counts:
        return
    total = sum(counts.values(), Counter[str]())
    terminalreporter.section("conformance", "-")
    terminalreporter.write_line("".join(["plugin".ljust(52), *(column.rjust(11) for column in COLUMNS)]))
    for plugin, row in [*counts.items(), ("all", total)]:
        terminalreporter.write_line("".join([plugin.ljust(52), *(str(row[column]).rjust(11) for column in COLUMNS)]))

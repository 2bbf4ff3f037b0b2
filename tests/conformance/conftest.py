"""Collects the cases, marks the exceptions, and ends a run with a table of what passed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the tests are no package; this makes the player's modules importable

from player.cases import is_prose, load, plugins_of, unplayable  # noqa: E402
from player.shared_redis import SharedRedis  # noqa: E402
from player.ways import LOCAL, Way, ways  # noqa: E402

FILES = [HERE / "higress-cases.yaml", HERE / "more-cases.yaml"]
OUTCOMES = {"passed": "passed", "failed": "failed", "error": "failed", "xfailed": "excepted", "skipped": "not built"}
COLUMNS = ["passed", "failed", "excepted", "not built", "prose"]
PLUGIN, PROSE = "plugin", "prose"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], Any]]:
    """The loop that `aigw serve` takes."""
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SharedRedis]:
    """Not started before it is needed."""
    shared = SharedRedis(tmp_path_factory.mktemp("redis"))
    yield shared
    await shared.aclose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case, or one for each kind of store that it is played with."""
    if "case" not in metafunc.fixturenames:
        return
    given = metafunc.config.getoption("--cases")
    exceptions = yaml.safe_load((HERE / "exceptions.yaml").read_text(encoding="utf-8")) or {}
    cases = [case for file in ([given] if given else FILES) for case in load(file)]
    played = [_parameter(way, exceptions) for way in ways(cases)]
    metafunc.parametrize(("case", "store", "gateways"), played)


def _parameter(way: Way, exceptions: dict[str, str]) -> Any:
    """An excepted case is played and must fail; what cannot be played is skipped, with the reason."""
    case, marks = way.case, []
    if reason := unplayable(case):
        marks.append(pytest.mark.skip(reason=reason))
    elif case["id"] in exceptions:
        marks.append(pytest.mark.xfail(strict=True, raises=pytest.fail.Exception, reason=exceptions[case["id"]]))
    name = case["id"] if way.store == LOCAL else f"{case['id']}-{way.store}"
    return pytest.param(case, way.store, way.gateways, id=name, marks=marks)


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")
    if case:
        item.user_properties.append((PLUGIN, " + ".join(plugins_of(case)) or "(no plugin)"))
        item.user_properties.append((PROSE, is_prose(case)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: dict[str, Counter[str]] = {}
    for outcome, column in OUTCOMES.items():
        for report in terminalreporter.stats.get(outcome, []):
            properties = dict(getattr(report, "user_properties", []))
            if PLUGIN in properties:
                counts.setdefault(properties[PLUGIN], Counter())[PROSE if properties[PROSE] else column] += 1
    if not counts:
        return
    total = sum(counts.values(), Counter[str]())
    terminalreporter.section("conformance", "-")
    terminalreporter.write_line("".join(["plugin".ljust(52), *(column.rjust(11) for column in COLUMNS)]))
    for plugin, row in [*counts.items(), ("all", total)]:
        terminalreporter.write_line("".join([plugin.ljust(52), *(str(row[column]).rjust(11) for column in COLUMNS)]))

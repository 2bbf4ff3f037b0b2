"""`aigw budget` in the process that a user starts."""

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aigw.core.stores import Limit
from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
CONFIG = """
plugins:
  ai-budget:
    budgets:
      - {name: all, usd: 2}
      - {name: person, per: consumer, calls: 10}
  ai-proxy: {provider: {type: builtin}}
"""
RECIPES = ", ".join(sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml")))
USED = "{aigw-budget}:used:"


@pytest.fixture
def budget(tmp_path, commands):
    (tmp_path / "aigw.yaml").write_text(CONFIG)

    def run(*words):
        done = commands.run("budget", *words, cwd=tmp_path, env=CLEAN)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
async def used(tmp_path):
    """Charges accounts as a gateway does."""
    file = CounterFile(tmp_path / ".aigw" / "counters.sqlite")
    counter = SqliteCounter(file, ":6379/0")

    async def spend(**accounts):
        for key, amount in accounts.items():
            limit = Limit(USED + key.replace("__", ":"), 2**50)
            await counter.settle(await counter.hold([limit]), [amount])

    yield spend
    await file.aclose()


async def run(budget, *words):
    return await asyncio.to_thread(budget, *words)


async def test_status(budget, used):
    await used(all__=1_500_000_000, person__ann=10)
    code, out, errors = await run(budget, "status")
    assert (code, errors) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["budget", "for", "used", "of", "left"],
        ["all", "all", "$1.50", "$2.00", "$0.50"],
        ["person", "consumer=ann", "10", "calls", "10", "calls", "used", "up"],
    ]


async def test_status_for_programs(budget, used):
    await used(person__ann=3)
    _, out, _ = await run(budget, "status", "--json")
    everyone, ann = json.loads(out)
    assert (everyone["budget"], everyone["used"], everyone["limit"], everyone["for"]) == ("all", 0, 2, {})
    assert ann == {
        "budget": "person",
        "for": {"consumer": "ann"},
        "unit": "calls",
        "used": 3,
        "limit": 10,
        "left": 7,
        "held": 0,
        "raised": 0,
        "unpriced_calls": 0,
        "anew": None,
    }


async def test_raise_and_reset(budget, used):
    await used(person__ann=10, person__bob=1)
    code, out, _ = await run(budget, "raise", "person", "5", "--for", "consumer=ann")
    assert code == 0
    assert out.splitlines()[1].split(maxsplit=2) == [
        "person",
        "consumer=ann",
        "10 calls  15 calls  5 calls  raised by 5 calls",
    ]
    code, _, errors = await run(budget, "reset", "person")
    assert (code, errors) == (
        2,
        "aigw budget: there are several of 'person'; choose one: --for consumer=ann; --for consumer=bob\n",
    )
    code, out, _ = await run(budget, "reset", "person", "--all", "--json")
    assert [line["used"] for line in json.loads(out)] == [0, 0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["raise", "nobody", "1"], 2, "there is no budget 'nobody'; there are all, person"),
        (["raise", "all", "much"], 2, "'much' is no amount of usd; write 2.50"),
        (["raise", "person", "1"], 2, "nobody has used 'person' yet; say whose it is: --for consumer=NAME"),
        (["raise", "all", "1", "--for", "run=x"], 2, "the budget 'all' is not divided by 'run', but by nothing"),
        (["raise", "all", "1", "--for", "ann"], 2, "--for ann must look like consumer=NAME"),
        (["status", "--config", "other.yaml"], 2, "there is no such file"),
    ],
)
def test_what_cannot_be_done(budget, words, code, said):
    assert (result := budget(*words))[0] == code
    assert said in result[2]
    assert "Traceback" not in result[2]


def test_a_configuration_without_budgets(budget, tmp_path):
    (tmp_path / "aigw.yaml").write_text("plugins: {ai-proxy: {provider: {type: builtin}}}")
    code, _, errors = budget("status")
    assert (code, "has no plugin ai-budget" in errors) == (2, True)


def test_the_budgets_of_a_recipe(budget, tmp_path):
    (tmp_path / "aigw.yaml").unlink()
    assert "say with --config or --recipe what the gateway uses" in budget("status")[2]
    code, out, _ = budget("status", "--recipe", "budget", "--json")
    assert (code, {line["budget"] for line in json.loads(out)}) == (0, {"day"})
    assert budget("status", "--recipe", "nothing")[::2] == (
        2,
        f"aigw budget: there is no recipe 'nothing'; there are {RECIPES}\n",
    )
    assert "recipe faults: has no plugin ai-budget" in budget("status", "--recipe", "faults")[2]
    assert "choose one of" in budget("status", "--recipe", "budget", "--config", "aigw.yaml")[2]


async def test_a_day_in_a_zone(budget, used, tmp_path):
    (tmp_path / "aigw.yaml").write_text(
        "plugins: {ai-budget: {budgets: [{name: d, per: day, calls: 1}], timezone: UTC}}"
    )
    today = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
    await used(**{f"d__{today}": 1, "d__2020-01-01": 1})
    _, out, _ = await run(budget, "status", "--json")
    assert today in [line["for"]["day"] for line in json.loads(out)]
    assert "2020-01-01" not in out


async def test_a_name_cannot_move_the_cursor(budget, used):
    await used(**{"person__%1B%5B2J": 1})
    _, out, _ = await run(budget, "status")
    assert "\x1b" not in out

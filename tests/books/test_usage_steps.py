"""The figures of steps: each request is in one step and one day, and what is not known is not 0."""

import time
from datetime import datetime

import pytest
from msgspec.structs import replace
from usage_rows import FULL

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_groups import UNKNOWN_MODEL
from aigw.books.usage_steps import MOST_NAMES, OTHERS, Asked, Figures, UsageSteps
from aigw.core.tokens import Tokens
from aigw.stores.sqlite_file import FileError

START = datetime(2026, 11, 29, 22).timestamp()
DAY = Asked(START, 3600.0, 6)
PAID = replace(
    FULL, at=START, asked="gpt", model="gpt-1", outcome="complete", error="", cost=0.5, first_token_ms=100.0, total_ms=1100.0,
    tokens=Tokens(input=10, cache_read=5, cache_write=1, output=100, reasoning=0, source="reported"), consumer="ann", route="a",
)  # fmt: skip


def row(number, **changes):
    return replace(PAID, id=f"r{number}", **changes)


@pytest.fixture
def told(tmp_path):
    log = SqliteUsageLog(tmp_path / FILE_NAME, interval=0)
    read = UsageSteps(tmp_path / FILE_NAME)

    def add_and_read(*rows, asked=DAY, now=START + 86_400):
        if rows:
            log._insert(log._connect(), rows)
        return read.read(asked, now)

    yield add_and_read
    log._disconnect()


def test_without_a_file_there_is_nothing(told):
    found = told()
    assert found.totals == Figures()
    assert found.series == [Figures()] * 6
    assert found.by == {"model": [], "consumer": [], "route": [], "day": []}


def test_the_figures_of_requests(told):
    found = told(row(1), row(2, at=START + 3700, cost=1.0, first_token_ms=300.0, total_ms=1300.0))
    assert [each.requests for each in found.series] == [1, 1, 0, 0, 0, 0]
    totals = found.totals
    assert (totals.requests, totals.failed, totals.input, totals.output, totals.cost) == (2, 0, 32, 200, 1.5)
    assert (totals.first_token_p50, totals.first_token_p95, totals.tokens_per_second) == (100.0, 300.0, 100.0)
    assert found.by["model"] == [("gpt-1", totals)]
    assert found.by["consumer"] == [("ann", totals)]


def test_a_step_is_cut_where_a_day_begins(told):
    found = told(
        row(1, at=START + 7100), row(2, at=START + 7300), row(3, at=START + 7400), asked=Asked(START, 10_000, 3)
    )
    assert [each.requests for each in found.series] == [3, 0, 0]
    assert [(day, each.requests) for day, each in found.by["day"]] == [("2026-11-29", 1), ("2026-11-30", 2)]


def test_what_is_not_known_is_not_0(told):
    found = told(row(1, cost=None, first_token_ms=None, tokens=Tokens()))
    assert (found.totals.cost, found.totals.unpriced) == (None, 1)
    assert (found.totals.tokens_per_second, found.totals.first_token_p50, found.totals.saved_usd) == (None, None, None)


def test_a_hit_saves_what_such_a_request_costs(told):
    hit = {"cache": "hit", "cost": 0.0, "model": "gpt", "at": START + 20_000}
    found = told(
        row(1), row(2, cost=1.5), row(3, **hit), row(4, **hit, consumer="bob"), row(5, **hit | {"asked": "free"})
    )
    assert (found.totals.cache_hits, found.totals.saved_usd) == (3, 2.0)
    assert found.series[5].saved_usd == 2.0
    assert {name: each.saved_usd for name, each in found.by["consumer"]} == {"ann": 1.0, "bob": 1.0}


def test_failures(told):
    found = told(row(1, status=500, outcome="failed"), row(2, status=499, outcome="aborted"), row(3, status=429))
    assert found.totals.failed == 2


def test_made_up_names_are_one(told):
    refused = {"status": 404, "error": "model_not_found", "attempts": 0, "model": ""}
    found = told(row(1), *(row(n, asked=f"made-up-{n}", **refused) for n in range(2, 50)))
    assert [(name, each.requests) for name, each in found.by["model"]] == [(UNKNOWN_MODEL, 48), ("gpt-1", 1)]


def test_of_very_many_names_the_rest_is_one(told):
    rows = [row(n, consumer=f"c{n:05}") for n in range(3000)]
    found = told(*rows, row(3001, consumer="ann", at=START + 4000), row(3002, consumer="ann", at=START + 4000))
    consumers = found.by["consumer"]
    assert len(consumers) == MOST_NAMES + 1
    assert (consumers[0][0], consumers[-1][0]) == ("ann", OTHERS)
    assert sum(each.requests for _, each in consumers) == found.totals.requests == 3002
    assert sum(each.cost for _, each in consumers) == found.totals.cost == 1501.0


def test_a_step_that_is_over_is_read_once(told):
    assert told(row(1), now=START + 86_400).totals.requests == 1
    assert told(row(2), now=START + 86_400).totals.requests == 1
    assert told(row(3), asked=Asked(START, 3600.0, 7), now=START + 3700).totals.requests == 1


def test_a_step_that_is_not_over_is_read_again(told):
    assert told(row(1), now=START + 3700).totals.requests == 1
    assert told(row(2), now=START + 3700).totals.requests == 2


def test_an_answer_that_nobody_wants_is_broken_off(tmp_path, told):
    told(*(row(n) for n in range(9_000)))
    began = time.monotonic()
    with pytest.raises(FileError, match="interrupted"):
        UsageSteps(tmp_path / FILE_NAME, lambda: True).read(DAY, START)
    assert time.monotonic() - began < 5

"""The last line of `aigw serve`."""

import pytest

from aigw.books.usage_row import UsageRow
from aigw.cli.sources.tally import Tally, together
from aigw.cli.views.served import line, span
from aigw.core.tokens import Tokens

ROW = UsageRow(id="1", at=0.0, route="r", tokens=Tokens(input=1000, output=200, source="reported"), cost=0.01)


def test_what_was_served():
    tally = Tally()
    tally.add(ROW)
    assert line(tally, 12) == "aigw served 1 request in 12s: 1,000 tokens in, 200 out, $0.0100, 0 errors"
    tally.add(UsageRow(id="2", at=0.0, route="r", status=402, error="budget_exceeded"))
    tally.add(UsageRow(id="3", at=0.0, route="r", tokens=Tokens(input=1, source="estimated")))
    said = line(together([tally, tally, Tally()]), 200)
    assert said == "aigw served 6 requests in 3m 20s: 2,002 tokens in, 400 out, $0.0200+?, 2 errors"
    assert len(said) <= 80


def test_what_came_from_the_cache():
    tally = Tally()
    tally.add(UsageRow(id="1", at=0.0, route="r", cache="hit", cost=0.0))
    assert line(tally, 1).endswith("$0, 0 errors, 1 from the cache")


def test_nothing_was_served():
    assert line(Tally(), 3) == "aigw served no request in 3s"


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "0s"), (60, "1m"), (7500, "2h 5m"), (100_000, "1d 3h")])
def test_how_long(seconds, said):
    assert span(seconds) == said


def test_what_crashed_workers_served_is_not_in_it():
    for tally in (Tally(), together([Tally(requests=2)])):
        first, second = line(tally, 3, 2).splitlines()
        assert first == line(tally, 3)
        assert second == "(without what 2 workers served that crashed: see `aigw usage`)"

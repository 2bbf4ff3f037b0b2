"""Budgets and the keys of their counters: whatever a name is made of, it can be read back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.plugins.ai_budget.budget import (
    KINDS,
    LONGEST,
    Account,
    Budget,
    account,
    account_of,
    begins_anew,
    periods,
    shortened,
    used_prefix,
)

BERLIN = ZoneInfo("Europe/Berlin")


def budget(**fields):
    return msgspec.convert({"name": "b", "calls": 1, **fields}, Budget)


def at(text):
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("per", "kinds", "days"),
    [
        ([], (), 0),
        ("day", ("day",), 8),
        (["month"], ("month",), 62),
        (["day", "consumer"], ("consumer", "day"), 8),
        ("run", ("run",), 30),
        (["consumer", "route"], ("consumer", "route"), 0),
    ],
)
def test_what_it_is_divided_by(per, kinds, days):
    assert (budget(per=per).kinds, budget(per=per).window) == (kinds, days * 86400)


@pytest.mark.parametrize(
    ("fields", "unit", "limit"), [({"calls": None, "usd": 1.5}, "usd", 1_500_000_000), ({}, "calls", 1)]
)
def test_what_it_counts(fields, unit, limit):
    assert (budget(**fields).unit, budget(**fields).limit) == (unit, limit)


def test_a_key():
    values = dict.fromkeys(KINDS, "x") | {"consumer": "ann/ü", "day": "2026-11-23"}
    one = account(budget(per=["day", "consumer"]), values)
    assert one.used == "{aigw-budget}:used:b:ann%2F%C3%BC/2026-11-23"
    assert one.named == {"consumer": "ann/ü", "day": "2026-11-23"}


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2))
def test_a_key_is_read_back(names):
    values = tuple(name.encode("utf-8", "replace").decode() for name in names)
    one = Account(budget(per=["run", "route"]), values)
    assert account_of(one.budget, one.used) == one


def test_a_key_of_another_division_is_nobodys():
    one = account(budget(per="consumer"), dict.fromkeys(KINDS, "x"))
    assert account_of(budget(per=["consumer", "day"]), one.used) is None
    assert account_of(budget(), used_prefix(budget())) == Account(budget(), ())


def test_a_long_name_is_shortened_and_still_itself():
    one, other = shortened("a" * 500), shortened("a" * 499 + "b")
    assert len(one) == len(other) == LONGEST
    assert one != other
    assert shortened("short") == "short"


@pytest.mark.parametrize(
    ("now", "zone", "day", "month"),
    [
        ("2026-11-30T23:30:00+00:00", UTC, "2026-11-30", "2026-11"),
        ("2026-11-30T23:30:00+00:00", BERLIN, "2026-12-01", "2026-12"),
    ],
)
def test_days_and_months_are_those_of_the_zone(now, zone, day, month):
    assert periods(at(now), zone) == {"day": day, "month": month}


@pytest.mark.parametrize(
    ("kinds", "now", "zone", "anew"),
    [
        (["day"], "2026-11-23T10:00:00+00:00", UTC, "2026-11-24T00:00:00+00:00"),
        (["day", "month"], "2026-12-31T10:00:00+00:00", UTC, "2027-01-01T00:00:00+00:00"),
        (["month"], "2026-12-31T10:00:00+00:00", UTC, "2027-01-01T00:00:00+00:00"),
        (["month"], "2028-02-29T10:00:00+00:00", UTC, "2028-03-01T00:00:00+00:00"),
        (["day"], "2026-10-25T00:30:00+02:00", BERLIN, "2026-10-26T00:00:00+01:00"),
        (["day"], "2026-03-29T00:30:00+01:00", BERLIN, "2026-03-30T00:00:00+02:00"),
        (["run"], "2026-11-23T10:00:00+00:00", UTC, None),
    ],
)
def test_when_it_begins_anew(kinds, now, zone, anew):
    found = begins_anew(kinds, at(now), zone)
    assert (None if found is None else found.isoformat()) == anew

"""The conditions of `--fail-if`: what they mean, and what is typed wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.traffic.runs.condition import METRICS, conditions

OLD = {"cost": 1.0, "errors": 1, "changed": 0, "tokens": 100, "latency": 200.0}
UNKNOWN = dict.fromkeys(OLD)


@pytest.mark.parametrize(
    ("text", "new", "holds"),
    [
        ("cost>+10%", {"cost": 1.1}, False),
        ("cost>+10%", {"cost": 1.11}, True),
        ("cost>-10%", {"cost": 0.95}, True),
        ("cost>0.5", {"cost": 0.6}, True),
        ("errors>0", {"errors": 1}, True),
        ("errors>+0%", {"errors": 1}, False),
        ("errors>=2", {"errors": 2}, True),
        ("changed>3", {"changed": 3}, False),
        ("tokens<50", {"tokens": 49}, True),
        ("latency>2s", {"latency": 2001.0}, True),
        ("latency > 500 ms", {"latency": 499.0}, False),
    ],
)
def test_what_holds(text, new, holds):
    (condition,) = conditions(text)
    assert bool(condition.holds(OLD, {**OLD, **new})) == holds


def test_a_percentage_of_nothing_is_exceeded_by_anything():
    (condition,) = conditions("cost>+10%")
    assert not condition.holds({**OLD, "cost": 0.0}, {**OLD, "cost": 0.0})
    assert condition.holds({**OLD, "cost": 0.0}, {**OLD, "cost": 0.01}) == "cost>+10%: 0 -> 0.01"


@pytest.mark.parametrize(("old", "new"), [(OLD, UNKNOWN), (UNKNOWN, OLD), (UNKNOWN, UNKNOWN)])
def test_what_nobody_can_tell_fails(old, new):
    (condition,) = conditions("cost>+10%")
    assert condition.holds(old, new) == "cost>+10%: the cost is not known"


def test_several():
    assert [each.metric for each in conditions(" cost>+10% , errors>0,")] == ["cost", "errors"]
    assert conditions("") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cost", "is no condition"),
        ("cost=3", "is no condition"),
        ("speed>3", "there is no metric 'speed'; there are cost, errors"),
        ("cost>10%", "a percentage has a sign: cost>.10%"),
        ("cost>+10", "a limit with a sign is a percentage: cost>.10%"),
        ("cost>1s", "cost has no unit s"),
        ("cost>1e999", "is no condition"),
    ],
)
def test_what_is_typed_wrong(text, why):
    with pytest.raises(ValueError, match=why):
        conditions(text)


@given(st.text(max_size=40) | st.from_regex(r"[a-z]{4,7}[<>=]{1,2}[+-]?[0-9.]{1,5}(%|ms|s)?", fullmatch=True))
def test_any_text_is_read_or_refused(text):
    try:
        found = conditions(text)
    except ValueError:
        return
    assert all(each.metric in METRICS for each in found)

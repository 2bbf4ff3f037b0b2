"""What a rule of a user replaces, and where."""

import pytest
from any_json import anything
from hypothesis import given
from hypothesis import strategies as st

from aigw.traffic.volatility.user_rules import user_rule


def applied(value, **rule):
    place, new, _ = user_rule(**{"pointer": "", "regex": "", "where": ""} | rule)
    return place.replace(value, new)


def test_placeholders_are_left_alone():
    assert applied("12 <uuid 1>3 <time>", regex=r"\d+") == "<value> <uuid 1><value> <time>"
    assert applied("<uuid 1>", regex="u+") == "<uuid 1>"


def test_a_long_text():
    text = "x" * 200_000
    assert applied(text + "CASE-1" + text, regex=r"CASE-\d+") == text + "<value>" + text


@pytest.mark.parametrize(
    ("rule", "anywhere"), [({"regex": "a"}, True), ({"regex": "a", "where": "/a"}, False), ({"pointer": "/a"}, False)]
)
def test_where_it_looks(rule, anywhere):
    assert user_rule(**{"pointer": "", "regex": "", "where": ""} | rule).anywhere == anywhere


@given(anything, st.text(st.sampled_from("ab(|)[^]*+?\\d{2}$"), min_size=1, max_size=8))
def test_any_regex_is_refused_or_replaces(value, regex):
    try:
        new = applied(value, regex=regex)
    except ValueError as error:
        assert regex in str(error) or repr(regex)[1:-1] in str(error)
    else:
        assert type(new) is type(value)

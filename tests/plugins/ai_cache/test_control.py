"""What a client says about the cache, in Cache-Control and in Higress's header."""

import pytest
from fakes import chat, make_exchange
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from aigw.plugins.ai_cache.control import NORMAL, SKIP, Control, control_of, note


def said(*headers):
    return control_of(CIMultiDict(headers))


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("", NORMAL),
        ("public, stale-if-error=5", NORMAL),
        ("no-store", Control("no-store")),
        ("max-age=5, No-Store", Control("no-store", max_age=5)),
        ("no-cache", Control(look=False)),
        ("max-age=0", Control(look=False, max_age=0)),
        ("MAX-AGE = 60", Control()),
        ('max-age="60"', Control(max_age=60)),
        ("max-age=", NORMAL),
        ("max-age=-1", NORMAL),
        ("max-age=1.5", NORMAL),
        ("max-age=٣", NORMAL),
        ("max-age=5, max-age=9", Control(max_age=9)),
        ("x-no-cache", NORMAL),
    ],
)
def test_cache_control(text, control):
    assert said(("Cache-Control", text)) == control


def test_several_headers_are_one():
    assert said(("cache-control", "max-age=5"), ("cache-control", "no-cache")) == Control(look=False, max_age=5)


def test_higresss_header_bypasses_if_it_says_on():
    assert said((SKIP, "on"), ("cache-control", "no-cache")) == Control(SKIP)
    assert said((SKIP, "off")) == NORMAL


@pytest.mark.parametrize(
    ("control", "age", "objection"),
    [
        (NORMAL, 1e9, ""),
        (Control(look=False), 0, "no-cache"),
        (Control(max_age=10), 10, ""),
        (Control(max_age=10), 10.1, "max-age"),
        (Control(max_age=10), -5, ""),
    ],
)
def test_what_speaks_against_an_answer(control, age, objection):
    assert control.objection(1000.0, 1000.0 + age) == objection


@given(st.text())
def test_any_text_is_understood_or_says_nothing(text):
    control = said(("cache-control", text))
    assert control.bypass in ("", "no-store")
    assert control.max_age is None or control.max_age >= 0


@pytest.mark.parametrize(("logged", "shown"), [("", "bypass"), ("skip", "skip")])
def test_what_the_log_and_the_usage_row_are_told(logged, shown):
    exchange = make_exchange(chat({}))
    note(exchange, "bypass", logged)
    assert (exchange.labels.cache, exchange.labels.ai_log["cache_status"]) == ("bypass", shown)

"""Numbers for people: short, and never wrong by more than they show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.cli.terminal.columns import shorten
from aigw.cli.terminal.figures import count, counted, duration, milliseconds, money, rate


@given(st.integers(0, 10**15), st.floats(0, 10**9))
def test_numbers_are_short(number, value):
    assert len(count(number)) <= 5
    assert len(money(value)) <= 7
    assert len(rate(value)) <= 5


def test_numbers():
    assert [count(n) for n in (0, 9999, 10_000, 12_345, 99_960, 999_499, 999_500, 1_234_567, 10**10)] == [
        "0", "9999", "10.0k", "12.3k", "100k", "999k", "1.00M", "1.23M", "10.0G",
    ]  # fmt: skip
    assert [money(v) for v in (None, 0.0, 0.00001, 0.12345, 1.005, 12.5, 12_345.6)] == [
        "?", "0", "<.0001", "0.1235", "1.00", "12.50", "12.3k",
    ]  # fmt: skip
    assert (money(0.5, 2), money(None, 2)) == ("0.5000+?", "?")
    assert [milliseconds(v) for v in (None, 0.4, 999.0, 999.6, 12_345.0, 600_000.0)] == [
        "-",
        "0ms",
        "999ms",
        "1.00s",
        "12.3s",
        "600s",
    ]
    assert shorten("qwen-max-2025-01-25", 11) == "qwen-…01-25"


@pytest.mark.parametrize(
    ("ms", "shown"), [(0.123, "0.12ms"), (9.996, "10.0ms"), (12.34, "12.3ms"), (340.4, "340ms"), (12_345, "12.3s")]
)
def test_durations(ms, shown):
    assert duration(ms) == shown


def test_nouns():
    assert [counted(number, "call") for number in (0, 1, 2, 12000)] == ["0 calls", "1 call", "2 calls", "12,000 calls"]

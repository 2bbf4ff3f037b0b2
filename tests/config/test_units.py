"""Durations and sizes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.config.units import DURATION_PATTERN, SIZE_PATTERN, duration_text, parse_duration, parse_size, size_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("500ms", 0.5), ("5m", 300), ("1h", 3600), ("1.5s", 1.5), ("7", 7), (" 2 s ", 2), ("0", 0)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("100MiB", 104857600), ("512 KiB", 524288), ("1gib", 1 << 30), ("10MB", 10_000_000), ("1.5k", 1500)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "s", "-1s", "10 days", "1e3", "1.s", "MiB", "1__0", "9" * 40])
def test_neither(text):
    assert parse_duration(text) is None
    assert parse_size(text) is None


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9])? ?[a-zA-Z]{0,3}", fullmatch=True))
def test_the_patterns_of_the_schema_take_what_is_parsed(text):
    assert parse_duration(text) is None or re.search(DURATION_PATTERN, text, re.IGNORECASE)
    assert (parse_size(text) is None) == (re.search(SIZE_PATTERN, text) is None)


@given(st.one_of(st.integers(0, 10**6), st.floats(0.001, 3600).map(lambda value: round(value, 3))))
def test_a_duration_is_written_as_it_is_read(seconds):
    assert parse_duration(duration_text(seconds)) == pytest.approx(seconds)


@given(st.one_of(st.integers(1, 10**12), st.sampled_from([1024, 100 << 20, 1 << 30])))
def test_a_size_is_written_as_it_is_read(count):
    assert parse_size(size_text(count)) == count


def test_the_largest_unit_without_a_fraction():
    assert [duration_text(each) for each in (0.5, 10, 90, 900, 7200, 0)] == ["500ms", "10s", "90s", "15m", "2h", "0s"]
    assert [size_text(each) for each in (1, 1024, 104857600, 1 << 30)] == ["1B", "1KiB", "100MiB", "1GiB"]

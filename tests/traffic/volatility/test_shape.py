"""Patterns for what varies between two texts: values of any format, and never words."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.higress.re2 import GoRegex
from aigw.traffic.volatility.shape import MAX_PATTERNS, varying


@pytest.mark.parametrize(
    ("one", "other", "pattern"),
    [
        ("CASE-1", "CASE-2", r"CASE-\d+"),
        ("see CASE-1 and CASE-1.", "see CASE-22 and CASE-22.", r"CASE-\d+"),
        ("took 12 ms", "took 15 ms", r"took \d+"),
        ("in 12 ms: done", "in 1.5 ms: done", r"in [0-9.]+"),
        ("12 items", "13 items", r"\d+ items"),
        ("12345", "22345", r"^\d+$"),
        ("Chunk ID: 891bcd\nWall time: 0.00 s", "Chunk ID: 12fa09\nWall time: 0.12 s", r"ID: [0-9a-f]{6}|time: \d+\.\d+"),
        ("id call_a1b2c3d4 ok", "id call_x9y8z7w6 ok", "call_[0-9A-Za-z]{8}"),
        ("0123456789abcdef", "1123456789abcdee", "^[0-9a-f]{16}$"),
        ("A1B2C3 x", "D4E5F6 x", "[0-9A-F]{6} x"),
        ("at Sun Nov 29 23:12:25 2026", "at Mon Nov 30 03:12:25 2026",
         r"at [A-Z][a-z]{2,8} [A-Z][a-z]{2,8} \d+ \d{1,9}:\d{1,9}:\d{1,9}"),
        ("[29/Nov/2026:23:12:25]", "[02/Dec/2026:03:12:25]", r"\d{1,9}/[A-Za-z]{1,9}/\d{1,9}:\d{1,9}:\d{1,9}:\d{1,9}"),
        ('{"t": 1700000000.123, "n": 4}', '{"t": 1700000009.5, "n": 4}', r't": \d+\.\d+'),
        ("a (b) [c]* 12", "a (b) [c]* 13", r"c\]\* \d+"),
        ("<time> job 3", "<time> job 4", r"job \d+"),
        ("<time> 3", "<time> 4", r"\d+"),
        ("pid 12, port 40", "pid 13, port 41", r"pid \d+|port \d+"),
    ],
)  # fmt: skip
def test_values(one, other, pattern):
    assert varying(one, other) == pattern
    regex = GoRegex.longest(pattern)
    assert regex.replace_all(one, "") == regex.replace_all(other, "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the cat sat", "the dog sat"),
        ("CASE-1", "ORDER-1"),
        ("a b", "a c b"),
        ("a", ""),
        ("run 1", "run 1 again"),
        ("gpt-4", "gpt-4o"),
        ("2 cats", "two cats"),
        ("password hunter", "password secret"),
        (" ".join(f"{word} 1" for word in "abcdefg"), " ".join(f"{word} 2" for word in "abcdefg")),
        ("same", "same"),
    ],
)
def test_words(one, other):
    assert MAX_PATTERNS < 7
    assert varying(one, other) is None


def test_a_long_text_takes_little_time():
    long = " some words and 12 numbers, " * 20_000
    begun = time.process_time()
    assert varying(f"{long}CASE-1{long}", f"{long}CASE-2{long}") == r"CASE-\d+"
    assert varying("1 a " * 50_000, "2 a " * 50_000) is None
    assert varying("x" * 500_000 + " 1", "x" * 500_000 + " 2") == r"\d+"
    assert time.process_time() - begun < 5


pieces = st.lists(
    st.sampled_from(
        ["12", "7", "CASE-1", "a1b2c3", "Nov", "Sun", " ", "word", ":", "/", "\n", "<uuid 1>", "(", "\\", "é", "."]
    ),
    max_size=7,
)


@given(pieces.map("".join), pieces.map("".join))
@settings(max_examples=300, deadline=None)
def test_any_two_texts(one, other):
    pattern = varying(one, other)
    assert pattern is None or one != other
    if pattern is not None:
        GoRegex(pattern)

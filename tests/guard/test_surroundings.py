"""What stands beside a number."""

import pytest

from aigw.guard.surroundings import alone, before


@pytest.mark.parametrize("text", ["123", "a 123 b", "号123元", "(123)", "123.", "x=123,5", "£123"])
def test_alone(text):
    start = text.index("123")
    assert alone(text, start, start + 3)


@pytest.mark.parametrize("text", ["a123", "123a", "0123", "-123", "123_", "1.123", "123.4"])
def test_not_alone(text):
    start = text.index("123")
    assert not alone(text, start, start + 3)


def test_before():
    named = before("phone")
    assert named("my phone is 1", 12)
    assert not named("phone" + " " * 40 + "1", 45)

"""RE2 as the screen uses it."""

import pytest

from aigw.guard.engine import compiled, occurs, spans


def test_positions_are_those_of_characters():
    assert list(spans(r"\d+", "中文 12 🙂 34")) == [(3, 5), (8, 10)]


def test_what_is_empty_is_not_found():
    assert list(spans("x*", "axxb")) == [(1, 3)]


def test_occurs():
    assert occurs("b+", "abc")
    assert not occurs("d", "abc")


@pytest.mark.parametrize(("pattern", "why"), [("a(", "missing )"), ("(?<=a)b", "invalid perl operator")])
def test_a_pattern_that_is_none_says_why_and_only_that(pattern, why, capfd):
    with pytest.raises(ValueError, match=why.replace(")", r"\)")):
        compiled(pattern)
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_others_backtrack_on_is_none_here():
    assert list(spans("(a+)+$", "a" * 200_000 + "b")) == []

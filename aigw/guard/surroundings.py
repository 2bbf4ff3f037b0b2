"""Looks at the text around a number, without which many rules do not believe it."""

from __future__ import annotations

import re
from collections.abc import Callable

_BEFORE = 24
"""How many characters before a finding are looked at."""


def alone(text: str, start: int, end: int) -> bool:
    """Whether the number stands alone: no Latin letter, digit, dash or decimal point with digits stands right beside
    it."""
    left, right = text[max(start - 2, 0) : start], text[end : end + 2]
    return not (_joins(left[-1:]) or _joins(right[:1]) or _fraction(left[::-1]) or _fraction(right))


def before(pattern: str) -> Callable[[str, int], bool]:
    """Tells of a place whether the pattern is found shortly before it."""
    search = re.compile(pattern).search
    return lambda text, start: search(text[max(start - _BEFORE, 0) : start]) is not None


def _joins(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in ("-", "_"))


def _fraction(two: str) -> bool:
    return len(two) == 2 and two[0] == "." and two[1].isdigit()

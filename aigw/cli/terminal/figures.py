"""Writes numbers for people, in few characters. Loads nothing."""

from __future__ import annotations


def count(number: int, exact: bool = False) -> str:
    """Five cells at most, unless exact: 9999, 12.3k, 1.23M."""
    if exact:
        return f"{number:,}"
    if number < 10_000:
        return str(number)
    for unit in "kMGT":
        number_in_unit = number / 1000 ** ("kMGT".index(unit) + 1)
        if number_in_unit < 999.5 or unit == "T":
            digits = 2 if number_in_unit < 9.995 else 1 if number_in_unit < 99.95 else 0
            return f"{number_in_unit:.{digits}f}{unit}"
    raise AssertionError


def counted(number: int, noun: str) -> str:
    """Writes a number with its noun: 1 call, 2 calls, 12,000 calls."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    if value < 999.5:
        return f"{value:.0f}ms"
    seconds = value / 1000
    return f"{seconds:.2f}s" if seconds < 9.995 else f"{seconds:.1f}s" if seconds < 99.95 else f"{seconds:.0f}s"


def duration(ms: float) -> str:
    """Does what `milliseconds` does, but short times have three digits, too."""
    return milliseconds(ms) if ms >= 99.95 else f"{ms:.1f}ms" if ms >= 9.995 else f"{ms:.2f}ms"


def money(value: float | None, unpriced: int = 0) -> str:
    """USD. `?` if no price is known; `1.23+?` if only a part of the cost is known."""
    if value is None:
        return "?"
    if 0 < value < 0.00005:
        text = "<.0001"
    elif value < 1:
        text = f"{value:.4f}" if value else "0"
    else:
        text = f"{value:.2f}" if value < 10_000 else count(round(value))
    return text + ("+?" if unpriced else "")


def rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if value < 99.95 else count(round(value))

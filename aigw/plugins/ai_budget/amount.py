"""The units of budgets (USD, tokens, calls), and how users write and read amounts of them.

Rule: inside aigw, dollars are integers in billionths of a dollar, so that even the smallest embedding costs something,
and sums are exact. Only text for users has decimal numbers."""

from __future__ import annotations

import math
from typing import Literal

Unit = Literal["usd", "tokens", "calls"]

NANO = 1_000_000_000
"""Billionths in a dollar."""
LARGEST: dict[Unit, int] = {"usd": 1_000_000, "tokens": 10**15, "calls": 10**15}
"""The largest limit of a budget, in its unit. Redis compares integers exactly only up to 2**53."""


def nano(usd: float) -> int:
    """Returns billionths of a dollar, rounded up so that a small cost is never 0."""
    return math.ceil(round(usd * NANO, 3))


def to_plain(unit: Unit, amount: int) -> float | int:
    """Returns an amount of the counter as configurations and JSON have it: USD, tokens or calls."""
    return amount / NANO if unit == "usd" else amount


def as_typed(unit: Unit, amount: int) -> str:
    """Returns an amount of the counter as text that `parse` reads."""
    if unit != "usd":
        return str(amount)
    return say(unit, amount).replace(",", "").lstrip("$")


def from_plain(unit: Unit, amount: float) -> int:
    """Returns an amount of a configuration in the integers of the counter."""
    return nano(amount) if unit == "usd" else int(amount)


def say(unit: Unit, amount: int) -> str:
    """Returns an amount of the counter for users, such as $1.02, $0.000031, 1,234 tokens or 1 call."""
    if unit != "usd":
        return f"{amount:,} {unit if amount != 1 else unit[:-1]}"
    usd = abs(amount) / NANO
    digits = 2 if usd >= 1 or not amount else min(9, 2 - math.floor(math.log10(usd)))
    text = f"{usd:,.{digits}f}"
    whole, _, fraction = text.partition(".")
    return f"{'-' if amount < 0 else ''}${whole}.{fraction.rstrip('0').ljust(2, '0')}"


def parse(unit: Unit, text: str) -> int:
    """Returns an amount that a user typed (5, $5, 0.25) in the integers of the counter. Raises ValueError, which says
    what to write."""
    try:
        number = float(text.strip().lstrip("$").replace(",", "").replace("_", ""))
    except ValueError:
        number = math.nan
    if not 0 < number <= 1e15 or (unit != "usd" and not number.is_integer()):
        raise ValueError(f"{text!r} is no amount of {unit}; write {'2.50' if unit == 'usd' else '100'}")
    return from_plain(unit, number)

"""What budgets count in: USD, tokens or calls, and how people write and read it.

Rule: dollars are whole billionths everywhere but on paper, so that the smallest embedding is not free, and half a cent
a million times is what it should be."""

from __future__ import annotations

import math
from typing import Literal

Unit = Literal["usd", "tokens", "calls"]

NANO = 1_000_000_000
"""Billionths in a dollar."""
LARGEST: dict[Unit, int] = {"usd": 1_000_000, "tokens": 10**15, "calls": 10**15}
"""The largest limits: Redis compares numbers up to 2**53 exactly."""


def nano(usd: float) -> int:
    """Rounded up: what costs something is never nothing."""
    return math.ceil(round(usd * NANO, 3))


def to_plain(unit: Unit, amount: int) -> float | int:
    """As configurations and JSON have it: USD, tokens, calls."""
    return amount / NANO if unit == "usd" else amount


def as_typed(unit: Unit, amount: int) -> str:
    """As `parse` takes it."""
    if unit != "usd":
        return str(amount)
    return say(unit, amount).replace(",", "").lstrip("$")


def from_plain(unit: Unit, amount: float) -> int:
    return nano(amount) if unit == "usd" else int(amount)


def say(unit: Unit, amount: int) -> str:
    """$1.02, $0.000031, 1,234 tokens, 1 call."""
    if unit != "usd":
        return f"{amount:,} {unit if amount != 1 else unit[:-1]}"
    usd = abs(amount) / NANO
    digits = 2 if usd >= 1 or not amount else min(9, 2 - math.floor(math.log10(usd)))
    text = f"{usd:,.{digits}f}"
    whole, _, fraction = text.partition(".")
    return f"{'-' if amount < 0 else ''}${whole}.{fraction.rstrip('0').ljust(2, '0')}"


def parse(unit: Unit, text: str) -> int:
    """An amount as typed: 5, $5, 0.25. Raises ValueError, which says what to write."""
    try:
        number = float(text.strip().lstrip("$").replace(",", "").replace("_", ""))
    except ValueError:
        number = math.nan
    if not 0 < number <= 1e15 or (unit != "usd" and not number.is_integer()):
        raise ValueError(f"{text!r} is no amount of {unit}; write {'2.50' if unit == 'usd' else '100'}")
    return from_plain(unit, number)

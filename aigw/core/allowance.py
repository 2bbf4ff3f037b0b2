"""How much of a limit, a quota or a budget is used, as plugins report it to the page and to commands."""

from __future__ import annotations

from typing import Literal, NamedTuple

URL = "{url}"
"""Stands in a command for the address of the gateway."""


class Allowance(NamedTuple):
    """A limit and how much of it is used. `name` is that of the budget or the rule. `scope` says whose limit it is,
    such as `consumer ann`, "" for all. `limit` is None if only the remaining amount is known. Amounts are in `unit`;
    `held` is reserved for requests under way. `resets_at` is in seconds since 1970, None if the limit never resets or
    has not begun. `command` raises the limit; if it is "", change `place` in the configuration."""

    what: Literal["budget", "quota", "limit"]
    name: str
    scope: str
    unit: Literal["usd", "tokens", "calls"]
    limit: float | None
    used: float | None
    left: float
    held: float = 0
    resets_at: float | None = None
    command: str = ""
    place: str = ""

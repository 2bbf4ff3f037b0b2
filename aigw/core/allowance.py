"""What of a limit, a quota or a budget is used, as plugins tell it to those who look."""

from __future__ import annotations

from typing import Literal, NamedTuple

URL = "{url}"
"""Stands in a command for the address of the gateway."""


class Allowance(NamedTuple):
    """`name` is the budget's or the rule's own, `scope` says whose it is, such as `consumer ann`, "" for all.

    `limit` is None if only what is left is known. Amounts are in `unit`; `held` is set aside for requests under way.
    `resets_at` is in seconds since 1970, None if it never begins anew or has not begun. `command` raises it, "" if
    `place` in the configuration does."""

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

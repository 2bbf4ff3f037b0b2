"""How a case is played: with which stores, and by a gateway in this process or in one of its own.

Rule: a process of its own has what needs one (the environment, the clock), and of each set of plugins and each kind of
store the first case that is served and the first that is refused, which show that the command does the same."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from player import in_process, process
from player.cases import Case, is_served, plugins_of, redis_of, unplayable

LOCAL, REDIS = "local", "redis"
WINDOWS = {"ai-token-ratelimit"}
"""Plugins that count by windows of time."""


class Way(NamedTuple):
    """`store` is one of `stores_of`."""

    case: Case
    store: str
    gateways: ModuleType


def ways(cases: list[Case]) -> Iterator[Way]:
    """Every way in which these cases are played."""
    seen = set()
    for case in cases:
        kind = (*plugins_of(case), is_served(case))
        for store in stores_of(case):
            first = (kind, store) not in seen and not unplayable(case)
            seen |= {(kind, store)} if first else set()
            own = first or needs_environment(case) or needs_clock(case, store)
            yield Way(case, store, process if own else in_process)


def stores_of(case: Case) -> list[str]:
    """With which stores the case is played: "redis", a real server; "local", what the gateway has on this machine."""
    steps = case.get("steps") or []
    try:
        redis_of(case)
    except KeyError:
        return [LOCAL]
    if not (steps or "redis_client" in case):
        return [LOCAL]
    return [REDIS, LOCAL] if steps and not case.get("redis_down") else [REDIS]


def needs_environment(case: Case) -> bool:
    """Spans go to the receiver that the environment names."""
    return any("span_tags" in step["expect"] for step in case.get("steps") or [])


def needs_clock(case: Case, store: str) -> bool:
    """Whether the clock of the gateway must stand still between the steps or be moved. In a real Redis it is the
    remaining life of the keys that is moved."""
    steps = case.get("steps") or []
    counts = len(steps) > 1 and bool(WINDOWS & plugins_of(case).keys())
    return store == LOCAL and REDIS in stores_of(case) and (counts or any("advance_s" in step for step in steps))

"""The one error of the player: the gateway did something else than a case says, or a case says something unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Mismatch(Exception):  # noqa: N818 - says what it is
    """`str(error)` says where, what was expected and what came."""


def require(condition: bool, message: str) -> None:
    if not condition:
        raise Mismatch(message)


def differ(what: str, expected: Any, got: Any) -> Mismatch:
    return Mismatch(f"{what}\n  expected: {expected!r}\n  got:      {got!r}")


def only_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """A name that nobody checks would be a check that nobody makes."""
    unknown = sorted(set(names) - set(known))
    require(not unknown, f"{what}: the player does not know {', '.join(unknown)}")

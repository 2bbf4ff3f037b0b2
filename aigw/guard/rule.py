"""What a rule is, and what it says where it finds something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from aigw.guard.finding import Action, Level


class Rule(NamedTuple):
    """A rule of the screen. `reach` is the greatest number of characters of a finding. `about` says for people what is
    found."""

    name: str
    label: str
    level: Level
    action: Action
    reach: int
    about: str


class Hit(NamedTuple):
    """A rule, by its name, has found something from `start` to `end`. Without `level`, the rule's own level counts."""

    rule: str
    start: int
    end: int
    level: Level | None = None


Find = Callable[[str], Iterable[Hit]]

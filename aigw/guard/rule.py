"""What a rule is, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from aigw.guard.finding import Action, Level
from aigw.guard.view import Span

Find = Callable[[str], Iterable[Span]]


class Rule(NamedTuple):
    """`find` tells where a text has what the rule is about. `reach` is the greatest number of characters that one
    finding has. `about` is a line for people."""

    name: str
    label: str
    level: Level
    action: Action
    reach: int
    about: str
    find: Find

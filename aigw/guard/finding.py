"""What the screen found in a text, and what is to be done about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["low", "medium", "high", "max"]
Action = Literal["report", "mask", "block"]

PERSONAL, SECRET, ATTACK = "personal_data", "secret", "prompt_attack"
"""The labels of the rules that come with aigw. A rule of the user has a label of its own."""
LABELS = (PERSONAL, SECRET, ATTACK)
LEVELS: tuple[Level, ...] = ("low", "medium", "high", "max")
"""The levels, from the mildest to the worst."""
ACTIONS: tuple[Action, ...] = ("report", "mask", "block")
"""The actions, from the mildest to the strictest."""


class Finding(NamedTuple):
    """Something that a rule has found. `rule` is the name of a rule that comes with aigw, or the label of a rule of the
    user. `start` and `end` are positions in the text as it was given."""

    rule: str
    label: str
    level: Level
    action: Action
    start: int
    end: int

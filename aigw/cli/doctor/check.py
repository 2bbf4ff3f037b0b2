"""What `aigw doctor` says about one thing."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "note", "problem"]


class Check(NamedTuple):
    """A `problem` keeps something from working, a `note` is worth knowing. `message` and `remedy` show no secrets."""

    name: str
    level: Level
    message: str
    remedy: str = ""

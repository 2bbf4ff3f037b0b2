"""What an import or an export says about each field: whether it means the same on the other side.

`exact` is the same behaviour, `approximate` differs as the message says, `none` is lost, and `unknown` means nothing to
aigw, which keeps it under `x-higress:`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

Level = Literal["exact", "approximate", "none", "unknown"]
LEVELS: tuple[Level, ...] = ("exact", "approximate", "none", "unknown")
LOST: tuple[Level, ...] = ("none", "unknown")


class Entry(NamedTuple):
    """`what` names the resource or section, `field` the place in it. `nearest` is what comes nearest on the other side
    or what to do, "" if nothing. `place` is a file and a line, or ""."""

    level: Level
    what: str
    field: str
    message: str = ""
    nearest: str = ""
    place: str = ""


class Findings:
    """The entries, in the order in which they were found. The same entry is there once."""

    def __init__(self) -> None:
        self._entries: dict[Entry, None] = {}

    def add(
        self, level: Level, what: str, field: str, message: str = "", *, nearest: str = "", place: str = ""
    ) -> None:
        self._entries[Entry(level, what, field, message, nearest, place)] = None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def of(self, *levels: Level) -> list[Entry]:
        return [entry for entry in self._entries if entry.level in levels]

    @property
    def lost(self) -> list[Entry]:
        """The entries for what does not reach the other side."""
        return self.of(*LOST)

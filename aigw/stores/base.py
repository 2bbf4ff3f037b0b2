"""The protocols of what is kept. Each has one file an implementation; only `server` and `cli` know which is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from aigw.usage.row import UsageRow


class UsageLog(Protocol):
    """Usage rows, shared by all processes that have the same state folder."""

    def append(self, row: UsageRow) -> None:
        """Takes a row at once and writes it within 200 ms, off the caller's path. Never raises, never blocks."""
        ...

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        """Rows by time of arrival, oldest first; `since` (inclusive) and `until` (exclusive) in seconds since 1970."""
        ...

    def close(self) -> None:
        """Writes what is left."""
        ...

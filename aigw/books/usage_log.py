"""The protocol of a log of usage rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aigw.books.summary import Summary
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow


class UsageLog(Protocol):
    """Usage rows, shared by all processes that have the same state folder."""

    def extend(self, rows: Sequence[UsageRow]) -> None:
        """Takes rows at once and writes them soon, off the caller's path. Never raises, never blocks."""
        ...

    def draft(self, row: UsageRow) -> None:
        """Takes a row that is not complete yet, so that it outlives a kill. `extend` replaces it later by the row with
        the same id. A log in which nothing can be replaced does nothing."""
        ...

    def summarise(self, question: Question) -> Summary:
        """Takes seconds for a million requests: not for the event loop. Raises StoreError."""
        ...

    def close(self) -> None:
        """Writes what is left."""
        ...

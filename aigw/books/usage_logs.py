"""Several usage logs that get the same rows. Reading reads from the first."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.books.summary import Summary
from aigw.books.usage_log import UsageLog
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow


class UsageLogs:
    def __init__(self, logs: Sequence[UsageLog]) -> None:
        """There must be at least one log."""
        self._logs = logs

    def extend(self, rows: Sequence[UsageRow]) -> None:
        for each in self._logs:
            each.extend(rows)

    def draft(self, row: UsageRow) -> None:
        for each in self._logs:
            each.draft(row)

    def summarise(self, question: Question) -> Summary:
        return self._logs[0].summarise(question)

    def close(self) -> None:
        for each in self._logs:
            each.close()

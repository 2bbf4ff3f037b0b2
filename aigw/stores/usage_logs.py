"""Several usage logs that get the same rows. What is read is read from the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigw.stores.base import UsageLog
from aigw.usage.row import UsageRow


class UsageLogs:
    def __init__(self, logs: Sequence[UsageLog]) -> None:
        """At least one."""
        self._logs = logs

    def append(self, row: UsageRow) -> None:
        for each in self._logs:
            each.append(row)

    def read(self, *, since: float = 0.0, until: float | None = None) -> Iterator[UsageRow]:
        return self._logs[0].read(since=since, until=until)

    def close(self) -> None:
        for each in self._logs:
            each.close()

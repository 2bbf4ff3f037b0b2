"""The list of requests, newest last: from the rows of usage, which all processes of a gateway write to one file, and
with what this process has kept of their details."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.books.numbered_rows import Recent
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_row import UsageRow
from aigw.core.redaction import without_secrets
from aigw.server.page.recent_details import Detail, RecentDetails

MOST = 5000
"""How many requests an answer has at most."""
_LONGEST_PATH = 1000

Summary = dict[str, Any]


class Requests:
    """Without `usage` there are none. The methods read a file: not for the event loop. They raise FileError."""

    def __init__(self, usage: SqliteUsageLog | None, kept: RecentDetails) -> None:
        self._usage = usage
        self._kept = kept

    def newer(self, after: int, most: int) -> Recent:
        return self._usage.recent(after, most) if self._usage is not None else Recent(0, [])

    def find(self, id_: str) -> Summary | None:
        found = self._usage.find(id_) if self._usage is not None else None
        return self.summary(*found) if found is not None else None

    def detail(self, id_: str) -> Detail | None:
        return self._kept.get(id_)

    def summary(self, number: int, row: UsageRow) -> Summary:
        return summary(number, row, self._kept.get(row.id))


def summary(number: int, row: UsageRow, detail: Detail | None) -> Summary:
    values = msgspec.to_builtins(row)
    del values["retrieved"]
    more = {
        "seq": number,
        "method": readable(detail.trace.first.method) if detail is not None else "",
        "path": shown_path(detail.trace.first.path) if detail is not None else "",
        "plugins": detail.plugins if detail is not None else [],
        "details": detail is not None,
    }
    return {**values, **more}


def shown_path(path: str) -> str:
    return readable(without_secrets(path[:_LONGEST_PATH]))


def readable(text: str) -> str:
    """The text without what UTF-8 cannot say: a header or a path may have bytes that are no text."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()

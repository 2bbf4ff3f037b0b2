"""A state folder that can only be read (a mounted backup, another user's): its usage can be read all the same."""

import sqlite3

import pytest

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_query import read
from aigw.books.usage_row import UsageRow


def test_usage_on_a_read_only_disk(tmp_path):
    pytest.importorskip("resource")
    log = SqliteUsageLog(tmp_path / FILE_NAME, now=lambda: 2.0)
    log.append(UsageRow(id="a", at=1.0, route="r"))
    log.close()
    # what SQLite meets on a read-only disk: it cannot make the -shm and -wal beside the file
    for ending in ("-wal", "-shm"):
        (tmp_path / f"{FILE_NAME}{ending}").unlink(missing_ok=True)
        (tmp_path / f"{FILE_NAME}{ending}").mkdir()
    assert sqlite3.connect(f"file:{tmp_path / FILE_NAME}?immutable=1", uri=True).execute("SELECT 1").fetchone() == (1,)
    assert [row.id for row in read(tmp_path / FILE_NAME)] == ["a"]

"""The queue of usage rows: nothing is lost unsaid, and nobody waits for it."""

import resource
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from usage_rows import FULL, rows, until

from aigw.books.sqlite_log import SqliteUsageLog

ROOT = Path(__file__).parents[2]


def test_a_folder_that_cannot_be_made_costs_only_the_statistics(tmp_path, caplog):
    (tmp_path / "file").touch()
    log = SqliteUsageLog(tmp_path / "file" / "usage.sqlite", interval=0.001, retry=0.001, limit=10)
    log.append(FULL)
    until(lambda: log.failures >= 3)
    for row in rows(20):
        log.append(row)
    log.close()
    assert log.lost == 21
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "usage is not kept",
        f"21 usage rows could not be written to {tmp_path}/file/usage.sqlite",
    ]


FULL_DISK = """
import resource, sys
from pathlib import Path
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_row import UsageRow
import threading
log = SqliteUsageLog(Path(sys.argv[1]), interval=0.001, retry=0.01, limit=100_000, now=lambda: 0.0)
log.append(UsageRow(id="first", at=1.0, route=""))
while not list(log.read()):
    threading.Event().wait(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
for n in range(20_000):
    log.append(UsageRow(id=f"{n}", at=2.0 + n, route="a" * 100))
while not log.failures:
    threading.Event().wait(0.01)
if sys.argv[2] == "recover":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.close()
print(log.lost, len(list(log.read())))
"""


@pytest.mark.parametrize("then", ["stay full", "recover"])
def test_a_full_disk(path, then):
    """RLIMIT_FSIZE stands for it: writes fail in the middle of a file, and reading still works."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", FULL_DISK, str(path), then]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    lost, kept = map(int, done.stdout.split())
    assert lost + kept == 20_001
    assert (lost == 0) == (then == "recover")
    assert done.stderr.count("usage is not kept") == 1
    found = list(SqliteUsageLog(path).read())
    assert [row.id for row in found] == ["first", *(str(n) for n in range(kept - 1))]


def test_waits_for_another_process_that_writes(log, path):
    log.append(FULL)
    until(lambda: list(log.read()))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    before = time.monotonic()
    for row in rows(10):
        log.append(row)
    assert time.monotonic() - before < 0.05, "append never blocks"
    other.execute("COMMIT")
    other.close()
    log.close()
    assert len(list(log.read())) == 11
    assert log.failures == 0


def test_what_comes_after_close_is_counted(log):
    log.append(FULL)
    log.close()
    log.append(FULL)
    log.close()
    assert len(list(log.read())) == 1
    assert log.lost == 1


def test_a_close_that_does_not_wait_for_a_slow_file(log, path, caplog):
    log.append(FULL)
    until(lambda: list(log.read()))
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    for row in rows(3):
        log.append(row)
    threading.Event().wait(0.1)  # by now it waits for the other; if it did not, the test would only prove less
    log.close(0.01)
    assert "3 usage rows may be lost" in caplog.text
    other.rollback()
    other.close()
    until(lambda: len(list(log.read())) == 4)


def test_no_thread_before_the_first_row_and_none_after_close(path):
    def threads():
        return [each for each in threading.enumerate() if each.name == "usage rows"]

    log = SqliteUsageLog(path)
    assert not threads()
    log.append(FULL)
    assert len(threads()) == 1
    log.close()
    assert not threads()

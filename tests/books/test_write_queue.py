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
from aigw.books.write_queue import WriteQueue

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
    found = list(SqliteUsageLog(path, interval=0.01).read())
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

    log = SqliteUsageLog(path, interval=0.01)
    assert not threads()
    log.append(FULL)
    assert len(threads()) == 1
    log.close()
    assert not threads()


class Written(WriteQueue[str]):
    """Writes into a list, and has a bug."""

    def __init__(self):
        super().__init__("a list", interval=0.0, limit=10, retry=0.001, batch=2)
        self.rows, self.ended = [], False

    def _write(self, items):
        if "bug" in items:
            raise TypeError("unlucky")
        self.rows += items
        return len(items)

    def _idle(self):
        if "idle bug" in self.rows:
            raise TypeError("unlucky, too")

    def _end(self):
        self.ended = True


def test_a_thread_that_cannot_be_started_is_started_later(caplog):
    log = Written()
    before = threading.stack_size(1 << 60)  # more than there is memory for
    try:
        log.append("a")
        log.append("b")
    finally:
        threading.stack_size(before)
    assert (log.failures, log.rows) == (2, [])
    log.append("c")
    log.close()
    assert (log.rows, log.lost, log.ended) == (["a", "b", "c"], 0, True)
    assert [record.message for record in caplog.records] == ["usage is not kept: can't start new thread"]


def test_without_a_thread_to_the_end_what_waits_is_lost(caplog):
    log = Written()
    before = threading.stack_size(1 << 60)
    try:
        log.append("a")
    finally:
        threading.stack_size(before)
    log.close()
    assert log.lost == 1
    assert "1 usage rows could not be written to a list" in caplog.text


def test_a_bug_costs_its_batch_and_no_other_row(caplog):
    log = Written()
    for batch in (["a"], ["bug", "b"], ["c"], ["bug"], ["d", "idle bug"], ["e"]):
        log.extend(batch)
        until(lambda: not log._queue)
    log.close()
    assert (log.rows, log.lost, log.ended) == (["a", "c", "d", "idle bug", "e"], 3, True)
    told = [record for record in caplog.records if record.exc_info]
    assert [record.message for record in told] == ["usage is not kept: writing to a list fails"]
    assert told[0].exc_info[0] is TypeError

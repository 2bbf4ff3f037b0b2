"""The usage log: nothing lost, nothing half-written, nothing overwritten, and no trouble for its callers."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from usage_rows import FULL, Clock, rows, until

from aigw.books.books import WRITE_SECONDS
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import FORMAT
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
from aigw.stores.sqlite_file import open_for_reading, open_for_writing

ROOT = Path(__file__).parents[2]


def test_rows_come_back_as_they_were(log, path):
    plain = UsageRow(id="req-2", at=1.5, route="")
    log.append(FULL)
    log.append(plain)
    log.close()
    assert list(log.read()) == [plain, FULL]
    assert log.lost == log.failures == 0


def test_read_by_time(log):
    for row in reversed(rows(10)):
        log.append(row)
    log.close()
    assert [row.at for row in log.read(since=1003.0, until=1006.0)] == [1003.0, 1004.0, 1005.0]
    assert [row.at for row in log.read(since=1008.0)] == [1008.0, 1009.0]


def test_a_row_is_readable_within_200_ms_of_append(path):
    log = SqliteUsageLog(path, interval=WRITE_SECONDS, now=Clock())
    log.append(rows(1)[0])  # creates the file
    until(lambda: list(log.read()))
    delays = []
    for row in rows(5, start=1):
        before = time.monotonic()
        log.append(row)
        until(lambda: len(list(log.read())) == int(row.id) + 1)  # noqa: B023
        delays.append(time.monotonic() - before)
    log.close()
    assert sorted(delays)[2] < 0.2


def test_before_the_first_row_there_is_no_file_and_nothing_to_read(log, path):
    assert list(log.read()) == []
    assert not path.exists()


APPENDER = """
import sys, time
from pathlib import Path
from aigw.books.books import WRITE_SECONDS
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
path, name, count, pace = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
log = SqliteUsageLog(path, interval=WRITE_SECONDS)
for n in range(count):
    log.append(UsageRow(id=f"{name}-{n}", at=time.time(), route="llm", tokens=Tokens(input=n, output=n, source="reported")))
    print(n, time.monotonic(), flush=True)
    if pace:
        time.sleep(pace)
log.close()
print("closed", flush=True)
"""


@pytest.fixture
def appender(child, path):
    """Starts a process that appends rows."""

    def start(name, count, pace=0.0):
        command = [sys.executable, "-c", APPENDER, str(path), name, str(count), str(pace)]
        return child(command, cwd=ROOT, stdout=subprocess.PIPE)

    return start


def test_several_processes_lose_nothing(path, appender):
    children = [appender(f"worker{n}", 2000) for n in range(4)]
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        assert out.endswith("closed\n")
    found = [row.id for row in SqliteUsageLog(path, interval=0.01).read()]
    assert len(found) == 8000
    assert set(found) == {f"worker{n}-{i}" for n in range(4) for i in range(2000)}


def test_kill_9_in_the_middle(path, appender):
    child = appender("victim", 1000, pace=0.002)
    appended = {}
    for line in child.stdout:
        n, at = line.split()
        appended[int(n)] = float(at)
        if len(appended) == 400:
            break
    killed = time.monotonic()
    child.send_signal(signal.SIGKILL)
    for line in child.stdout:
        if line.endswith("\n"):
            n, at = line.split()
            appended[int(n)] = float(at)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()

    after = SqliteUsageLog(path, interval=0.01)
    after.append(UsageRow(id="next", at=time.time() + 1, route="llm"))
    after.close()
    assert after.failures == 0
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    *found, last = after.read()
    assert last.id == "next"
    assert [row.id for row in found] == [f"victim-{n}" for n in range(len(found))], "a gap, or out of order"
    assert all(row.tokens == Tokens(input=n, output=n, source="reported") for n, row in enumerate(found))
    acknowledged = [n for n, at in appended.items() if at < killed - 0.2]
    assert len(acknowledged) > 50
    assert len(found) > max(acknowledged)


def test_an_empty_file_is_a_new_one(path):
    path.parent.mkdir()
    path.touch()
    log = SqliteUsageLog(path, interval=0.01, now=Clock())
    assert list(log.read()) == []
    log.append(FULL)
    log.close()
    assert list(log.read()) == [FULL]


def test_a_reader_never_sees_half_of_a_new_file(tmp_path):
    for number in range(100):
        path = tmp_path / f"{number}.sqlite"
        writer = threading.Thread(target=lambda path=path: open_for_writing(path, FORMAT).close())
        writer.start()
        while writer.is_alive():
            if connection := open_for_reading(path, FORMAT):
                connection.close()
        writer.join()


def test_old_rows_are_pruned(path):
    day = 86400.0
    clock = Clock(100 * day)
    first = SqliteUsageLog(path, interval=0.01, retention_days=365, now=clock)
    for n in range(2500):
        first.append(UsageRow(id="old", at=9 * day + n, route=""))
    kept = [UsageRow(id="kept", at=10 * day, route=""), UsageRow(id="new", at=clock.now, route="")]
    for row in kept:
        first.append(row)
    first.close()
    assert len(list(first.read())) == 2502

    later = SqliteUsageLog(path, interval=0.01, retention_days=90, now=clock)
    last = UsageRow(id="last", at=clock.now, route="")
    later.append(last)
    later.close()
    assert list(later.read()) == [*kept, last]


@pytest.mark.parametrize(
    "bad",
    [
        {"model": "half a pair \ud800"},
        {"tokens": Tokens(output=1 << 70)},
        {"tokens": Tokens(output=1 << 60)},
        {"tokens": Tokens(input=-1)},
        {"total_ms": float("nan")},
    ],
)
def test_a_row_that_sqlite_cannot_hold_does_not_keep_the_others_out(log, bad):
    good = rows(10)
    for row in [*good[:5], msgspec.structs.replace(FULL, **bad), *good[5:]]:
        log.append(row)
    log.close()
    assert list(log.read()) == good
    assert log.lost == 1


def test_a_file_that_somebody_deleted_is_made_again(log, path):
    log.append(FULL)
    until(lambda: list(log.read()))
    for each in path.parent.iterdir():
        each.unlink()
    path.parent.rmdir()
    log.append(rows(1)[0])
    log.close()
    assert list(log.read()) == rows(1)


def test_importing_it_loads_no_sqlite():
    code = "import sys, aigw.books.sqlite_log; print('sqlite3' in sys.modules, 'pickle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"


def test_a_draft_outlives_a_kill_until_its_row_replaces_it(tmp_path):
    log = SqliteUsageLog(tmp_path / "usage.sqlite", interval=0.001, now=lambda: FULL.at)
    draft, other = msgspec.structs.replace(FULL, id="a", cost=None), msgspec.structs.replace(FULL, id="b")
    log.draft(draft)
    until(lambda: [row.id for row in log.read()] == ["a"])
    log.append(msgspec.structs.replace(draft, cost=0.5))
    log.append(other)
    until(lambda: sorted((row.id, row.cost) for row in log.read() if row.cost) == [("a", 0.5), ("b", other.cost)])
    log.draft(msgspec.structs.replace(FULL, id="c", cost=None))
    log.append(msgspec.structs.replace(FULL, id="c", cost=0.25))
    log.close()
    assert sorted(row.id for row in log.read()) == ["a", "b", "c"]


def test_drafts_are_forgotten_with_the_rows_that_are_lost(path):
    log = SqliteUsageLog(path, interval=0.001, limit=100, retry=10, now=Clock())
    path.mkdir(parents=True)  # so that nothing can be written
    for row in rows(300):
        log.draft(row)
        log.extend([msgspec.structs.replace(row, cost=0.5)])
    assert len(log._drafts) == 50
    log.close()
    assert (log.lost, log._drafts) == (600, {})


def test_a_draft_whose_row_is_lost_stays_in_the_file(path):
    log = SqliteUsageLog(path, interval=60, limit=1, now=Clock())
    log.draft(FULL)
    log.append(msgspec.structs.replace(FULL, cost=0.5))
    log.close()
    assert list(log.read()) == [FULL]

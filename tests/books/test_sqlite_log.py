"""The usage log: nothing lost, nothing half-written, nothing overwritten, and no trouble for its callers."""

import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import COLUMNS, FORMAT
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
from aigw.stores.sqlite_file import FileError, ForeignFileError, open_for_reading, open_for_writing

ROOT = Path(__file__).parents[2]
FULL = UsageRow(
    id="req-1",
    at=1_763_850_000.123456,
    route="llm",
    service="api.openai.com:443",
    provider="openai",
    api="chat",
    asked="gpt-4o",
    model="gpt-4o-2024-08-06 \N{CJK UNIFIED IDEOGRAPH-6A21}",
    consumer="ann",
    stream=True,
    status=200,
    outcome="aborted",
    error="client_left",
    tokens=Tokens(input=1, cache_read=2, cache_write=3, output=4, reasoning=0, source="estimated"),
    cost=0.1 + 0.2,
    attempts=2,
    cache="miss",
    gateway_ms=0.25,
    wait_ms=310.5,
    first_token_ms=321.0,
    total_ms=2000.75,
)


def rows(count, *, start=0):
    return [UsageRow(id=f"{n}", at=1000.0 + n, route="llm", total_ms=n) for n in range(start, start + count)]


def until(condition, seconds=20):
    """Waits for another thread or process."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.01)


@dataclass
class Clock:
    now: float = 1000.0
    steps: list = field(default_factory=list)

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "usage.sqlite"


@pytest.fixture
def log(path):
    log = SqliteUsageLog(path, interval=0.01, retry=0.01, now=Clock())
    yield log
    log.close()


def test_the_columns_are_the_fields_of_a_row():
    fields = [each.name for each in msgspec.structs.fields(UsageRow)]
    tokens = [each.name for each in msgspec.structs.fields(Tokens)]
    place = fields.index("tokens")
    assert list(COLUMNS) == fields[:place] + tokens + fields[place + 1 :]


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
    log = SqliteUsageLog(path, now=Clock())
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


def test_only_the_owner_may_look(log, path):
    log.append(FULL)
    until(lambda: list(log.read()))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in [path.parent, *path.parent.iterdir()]}
    assert modes.pop("state") == 0o700
    assert set(modes) == {"usage.sqlite", "usage.sqlite-wal", "usage.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_it_is_a_wal_file_with_a_version_and_an_index(log, path):
    log.append(FULL)
    log.close()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA user_version").fetchone() == (FORMAT.version,)
    types = dict(database.execute("SELECT name, type FROM pragma_table_info('requests')"))
    assert types == COLUMNS
    plan = database.execute("EXPLAIN QUERY PLAN SELECT * FROM requests WHERE at >= 1").fetchall()
    assert "USING INDEX requests_at" in plan[0][3]
    database.close()


APPENDER = """
import sys, time
from pathlib import Path
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
path, name, count, pace = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
log = SqliteUsageLog(path)
for n in range(count):
    log.append(UsageRow(id=f"{name}-{n}", at=time.time(), route="llm", tokens=Tokens(input=n, output=n, source="reported")))
    print(n, time.monotonic(), flush=True)
    if pace:
        time.sleep(pace)
log.close()
print("closed", flush=True)
"""


def appender(path, name, count, pace=0.0):
    command = [sys.executable, "-c", APPENDER, str(path), name, str(count), str(pace)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_several_processes_lose_nothing(path):
    children = [appender(path, f"worker{n}", 2000) for n in range(4)]
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        assert out.endswith("closed\n")
    found = [row.id for row in SqliteUsageLog(path).read()]
    assert len(found) == 8000
    assert set(found) == {f"worker{n}-{i}" for n in range(4) for i in range(2000)}


def test_kill_9_in_the_middle(path):
    child = appender(path, "victim", 1000, pace=0.002)
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

    after = SqliteUsageLog(path)
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


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"These are the accounts of 1997, not SQLite." * 50), "no usage file"),
        (lambda path: sql(path, "CREATE TABLE t (a)"), "another program"),
        (lambda path: sql(path, "PRAGMA user_version = 7"), "another program"),
        (
            lambda path: sql(path, f"PRAGMA application_id = {FORMAT.application}", "PRAGMA user_version = 99"),
            "newer aigw (format 99, this one knows 1); upgrade aigw",
        ),
    ],
)
def test_a_file_that_it_does_not_know_is_refused_and_left_alone(path, make, reason):
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    with pytest.raises(ForeignFileError) as raised:
        SqliteUsageLog(path)
    assert reason in str(raised.value)
    assert str(path) in str(raised.value)
    assert "move it away" in str(raised.value)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def sql(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def test_a_foreign_file_that_appears_later_is_left_alone_too(log, path):
    path.parent.mkdir()
    sql(path, "CREATE TABLE accounts (a)")
    before = path.read_bytes()
    log.append(FULL)
    until(lambda: log.failures)
    assert path.read_bytes() == before
    with pytest.raises(FileError):
        list(log.read())


def test_an_empty_file_is_a_new_one(path):
    path.parent.mkdir()
    path.touch()
    log = SqliteUsageLog(path, now=Clock())
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


def test_a_file_that_was_damaged_later_has_a_remedy(log, path):
    for row in rows(500):
        log.append(row)
    log.close()
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(20 * 4096))
    with pytest.raises(ForeignFileError, match=r"is damaged .*; move it away"):
        list(log.read())


def test_old_rows_are_pruned(path):
    day = 86400.0
    clock = Clock(100 * day)
    first = SqliteUsageLog(path, retention_days=365, now=clock)
    for n in range(2500):
        first.append(UsageRow(id="old", at=9 * day + n, route=""))
    kept = [UsageRow(id="kept", at=10 * day, route=""), UsageRow(id="new", at=clock.now, route="")]
    for row in kept:
        first.append(row)
    first.close()
    assert len(list(first.read())) == 2502

    later = SqliteUsageLog(path, retention_days=90, now=clock)
    last = UsageRow(id="last", at=clock.now, route="")
    later.append(last)
    later.close()
    assert list(later.read()) == [*kept, last]


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


def test_a_file_that_somebody_deleted_is_made_again(log, path):
    log.append(FULL)
    until(lambda: list(log.read()))
    for each in path.parent.iterdir():
        each.unlink()
    path.parent.rmdir()
    log.append(rows(1)[0])
    log.close()
    assert list(log.read()) == rows(1)


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
        return [each for each in threading.enumerate() if each.name == "usage log"]

    log = SqliteUsageLog(path)
    assert not threads()
    log.append(FULL)
    assert len(threads()) == 1
    log.close()
    assert not threads()


def test_importing_it_loads_no_sqlite():
    code = "import sys, aigw.books.sqlite_log; print('sqlite3' in sys.modules, 'pickle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"

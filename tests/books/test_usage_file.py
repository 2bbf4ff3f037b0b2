"""The file of the usage rows: its columns, its format, files of earlier versions, and of others in its place."""

import contextlib
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from usage_rows import FULL, rows, until

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import COLUMNS, FORMAT
from aigw.books.usage_query import read, summarise
from aigw.books.usage_question import parse
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens
from aigw.stores.sqlite_file import FileError, ForeignFileError, open_for_writing


def test_the_columns_are_the_fields_of_a_row():
    fields = [each.name for each in msgspec.structs.fields(UsageRow)]
    tokens = [each.name for each in msgspec.structs.fields(Tokens)]
    place = fields.index("tokens")
    assert list(COLUMNS) == fields[:place] + tokens + fields[place + 1 :]


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


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"These are the accounts of 1997, not SQLite." * 50), "no usage file"),
        (lambda path: sql(path, "CREATE TABLE t (a)"), "another program"),
        (lambda path: sql(path, "PRAGMA user_version = 7"), "another program"),
        (
            lambda path: sql(path, f"PRAGMA application_id = {FORMAT.application}", "PRAGMA user_version = 99"),
            "newer aigw (format 99, this one knows 4); upgrade aigw",
        ),
    ],
)
def test_a_file_that_it_does_not_know_is_refused_and_left_alone(path, make, reason):
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    with pytest.raises(ForeignFileError) as raised:
        SqliteUsageLog(path, interval=0.01)
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


def test_a_file_that_was_damaged_later_has_a_remedy(log, path):
    for row in rows(500):
        log.append(row)
    log.close()
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(bytes(20 * 4096))
    with pytest.raises(ForeignFileError, match=r"is damaged .*; move it away"):
        list(log.read())


VERSION_1 = Path(__file__).with_name("files") / "usage-1.sqlite"
"""A file that an aigw wrote when this was its format: `rows(3)` and FULL, of which nothing was known that was found."""
OF_VERSION_1 = [*rows(3), msgspec.structs.replace(FULL, retrieved=())]


@pytest.fixture
def earlier(path):
    path.parent.mkdir(mode=0o700)
    shutil.copy(VERSION_1, path)
    return path


def version_of(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def test_a_file_of_version_1_is_read_as_it_is(earlier):
    before = earlier.read_bytes()
    assert list(read(earlier)) == OF_VERSION_1
    summary = summarise(earlier, parse(["day"], "all", "", now=FULL.at + 60))
    assert summary.total.requests == 4
    by_session = summarise(earlier, parse(["session"], "all", "", now=FULL.at + 60))
    assert [line.key for line in by_session.rows] == [{"session": ""}]
    assert earlier.read_bytes() == before


def test_the_first_row_upgrades_a_file_of_version_1(earlier):
    row = msgspec.structs.replace(FULL, at=FULL.at + 1)
    for now in (1, 2):  # an upgraded file is opened like any other
        log = SqliteUsageLog(earlier, interval=0.01, now=lambda: FULL.at)
        log.append(msgspec.structs.replace(row, id=f"new-{now}"))
        log.close()
    kept = [each for each in OF_VERSION_1 if each.at > FULL.at - 90 * 86400]
    assert list(read(earlier)) == [*kept, *(msgspec.structs.replace(row, id=f"new-{now}") for now in (1, 2))]
    assert version_of(earlier) == FORMAT.version


def test_processes_that_find_a_file_of_version_1_together_upgrade_it_once(earlier):
    with ThreadPoolExecutor(4) as pool:
        for connection in pool.map(lambda _: open_for_writing(earlier, FORMAT), range(4)):
            connection.close()
    assert list(read(earlier)) == OF_VERSION_1


def test_an_upgrade_that_is_killed_leaves_version_1(earlier):
    """What an upgrade has done is undone, because the file is one transaction behind its mark."""
    broken = FORMAT._replace(upgrade=(*FORMAT.upgrade, "ALTER TABLE missing ADD COLUMN x"))
    with pytest.raises(sqlite3.OperationalError):
        open_for_writing(earlier, broken)
    assert version_of(earlier) == 1
    assert list(read(earlier)) == OF_VERSION_1


def test_a_file_of_version_1_with_more_in_it_is_refused(earlier):
    sql(earlier, "CREATE VIEW v AS SELECT 1")
    with pytest.raises(ForeignFileError, match="holds what aigw never put there"):
        SqliteUsageLog(earlier, interval=0.01)


def test_an_aigw_that_knows_only_version_1_refuses_an_upgraded_file(earlier):
    open_for_writing(earlier, FORMAT).close()
    with pytest.raises(ForeignFileError, match=r"format 4, this one knows 3\); upgrade aigw, or move it away"):
        open_for_writing(earlier, FORMAT.previous)

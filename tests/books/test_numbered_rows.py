"""Who follows the file of usage sees each row once, also those of other processes and those that replace a draft."""

import pytest
from msgspec.structs import replace
from usage_rows import FULL, rows

from aigw.books.numbered_rows import find, recent
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_file import FILE_NAME


def written(folder, *batches):
    log = SqliteUsageLog(folder / FILE_NAME, interval=0)
    for batch in batches:
        log._insert(log._connect(), batch)
    log._disconnect()
    return folder / FILE_NAME


def test_there_may_be_no_file(tmp_path):
    path = tmp_path / FILE_NAME
    assert recent(path, 0, 10) == (0, [], 0)
    assert find(path, "x") is None


def test_the_newest_are_shown_oldest_first(tmp_path):
    path = written(tmp_path, rows(10))
    found = recent(path, 0, 3)
    assert [row.id for _, row in found.rows] == ["7", "8", "9"]
    assert (found.last, found.left_out) == (10, 7)
    assert recent(path, found.last, 3) == (10, [], 0)


def test_each_row_is_seen_once(tmp_path):
    seen, last = [], 0
    for start in range(0, 30, 10):
        found = recent(written(tmp_path, rows(10, start=start)), last, 100)
        seen += [row.id for _, row in found.rows]
        last = found.last
    assert seen == [str(n) for n in range(30)]


def test_a_row_that_replaces_a_draft_is_new(tmp_path):
    log = SqliteUsageLog(tmp_path / FILE_NAME, interval=0)
    draft = replace(FULL, cost=None)
    log._drafts[draft.id] = draft
    log._insert(log._connect(), [draft])
    before = recent(tmp_path / FILE_NAME, 0, 10)
    log._insert(log._connect(), [FULL])
    after = recent(tmp_path / FILE_NAME, before.last, 10)
    for found in (after, recent(tmp_path / FILE_NAME, 0, 10)):
        ((_, row),) = found.rows
        assert (row.at, row.cost) == (pytest.approx(FULL.at), pytest.approx(FULL.cost))
        assert replace(row, at=FULL.at, cost=FULL.cost) == FULL
    log._disconnect()


def test_a_file_that_was_begun_anew_is_read_from_its_beginning(tmp_path):
    path = written(tmp_path, rows(3))
    assert [row.id for _, row in recent(path, 1000, 10).rows] == ["0", "1", "2"]


def test_a_request_is_found_by_its_id(tmp_path):
    path = written(tmp_path, [*rows(5), FULL])
    assert find(path, FULL.id) == (6, FULL)
    assert find(path, "nobody's") is None

"""The latest rows, those that come, and which of them are wanted."""

import msgspec
import pytest
from usage_rows import Clock, rows

from aigw.books.recent_rows import RecentRows, RowFilter, count, row_with, statuses
from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_row import UsageRow
from aigw.stores.sqlite_file import FileError


def keep(path, *kept):
    log = SqliteUsageLog(path, interval=0.01, now=Clock())
    for row in kept:
        log.append(row)
    log.close()


def ids(found):
    return [row.id for row in found]


def test_the_latest_in_their_order_and_then_what_comes(path):
    keep(path, *rows(30))
    recent = RecentRows(path, RowFilter())
    assert ids(recent.latest(3)) == ["27", "28", "29"]
    assert recent.new() == []
    keep(path, *rows(2, start=30))
    assert ids(recent.new()) == ["30", "31"]
    assert recent.new() == []


def test_before_there_is_a_file(path):
    recent = RecentRows(path, RowFilter())
    assert recent.latest(5) == []
    assert (count(path, 0.0), row_with(path, "1", 0.0)) == (None, None)
    keep(path, *rows(1))
    assert ids(recent.new()) == ["0"]


def test_a_row_that_is_replaced_comes_once(path):
    recent = RecentRows(path, RowFilter())
    log = SqliteUsageLog(path, interval=0, now=Clock())
    draft = UsageRow(id="a", at=1.0, route="llm")
    log.draft(draft)
    log.close()
    assert ids(recent.new()) == ["a"]
    keep(path, *rows(1), msgspec.structs.replace(draft, cost=1.0))
    assert ids(recent.new()) == ["0"]


def test_a_new_file_in_its_place_is_read_from_its_beginning(path):
    keep(path, *rows(5))
    recent = RecentRows(path, RowFilter())
    recent.latest(5)
    path.unlink()
    keep(path, *rows(2, start=7))
    assert ids(recent.new()) == ["7", "8"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RowFilter(model="qwen-max"), "ab"),
        (RowFilter(model="gpt*"), "b"),
        (RowFilter(model="qwen-m?x"), ""),
        (RowFilter(model="[q]wen-max"), ""),
        (RowFilter(route="site"), "c"),
        (RowFilter(consumer="ann"), "a"),
        (RowFilter(statuses=(400, 499)), "c"),
        (RowFilter(failed=True), "cd"),
        (RowFilter(since=3.0), "cd"),
        (RowFilter(model="*max", consumer="bob"), ""),
    ],
)
def test_which_are_wanted(path, wanted, found):
    keep(
        path,
        UsageRow(id="a", at=1.0, route="llm", model="qwen-max", consumer="ann"),
        UsageRow(id="b", at=2.0, route="llm", model="qwen-max", asked="gpt-4"),
        UsageRow(id="c", at=3.0, route="site", status=429),
        UsageRow(id="d", at=4.0, route="llm", outcome="failed"),
    )
    assert "".join(ids(RecentRows(path, wanted).latest(10))) == found


def test_one_and_how_many(path):
    keep(path, *rows(10))
    assert (count(path, 1004.0), count(path, 0.0)) == (6, 10)
    assert row_with(path, "7", 1000.0).at == 1007.0
    assert row_with(path, "7", 1008.0) is None


@pytest.mark.parametrize(("text", "span"), [("429", (429, 429)), ("4xx", (400, 499)), ("5XX", (500, 599))])
def test_statuses(text, span):
    assert statuses(text) == span


@pytest.mark.parametrize("text", ["", "4", "4x", "xxx", "4xxx", "42x", "1000", "-12", "४xx"])
def test_what_is_no_status(text):
    with pytest.raises(ValueError, match="write 429, 4xx or failed"):
        statuses(text)


def test_a_file_of_another_program_is_refused(path):
    path.parent.mkdir()
    path.write_text("no database")
    with pytest.raises(FileError, match="is no usage file"):
        RecentRows(path, RowFilter()).latest(1)

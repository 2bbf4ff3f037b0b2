"""Several logs get the same rows, and the first one is read."""

from usage_rows import FULL, rows

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_logs import UsageLogs
from aigw.books.usage_question import Question


def test_each_gets_every_row_and_is_closed(tmp_path):
    paths = [tmp_path / name / "usage.sqlite" for name in ("a", "b")]
    opened = [SqliteUsageLog(path, interval=0.01, now=lambda: 1000.0) for path in paths]
    logs = UsageLogs(opened)
    logs.extend([*rows(2), FULL])
    logs.close()
    assert [list(log.read()) for log in opened] == [[*rows(2), FULL]] * 2
    logs.extend([FULL])
    assert [log.lost for log in opened] == [1, 1], "they are closed"


def test_the_first_one_is_read(tmp_path):
    first, second = (
        SqliteUsageLog(tmp_path / name / "usage.sqlite", interval=0.01, now=lambda: 1000.0) for name in ("a", "b")
    )
    second.append(rows(1)[0])
    second.close()
    assert UsageLogs([first, second]).summarise(Question(by=(), until=2000.0)).total.requests == 0
    assert UsageLogs([second, first]).summarise(Question(by=(), until=2000.0)).total.requests == 1

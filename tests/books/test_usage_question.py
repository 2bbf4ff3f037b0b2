"""What people write as a time and as names to group by."""

from datetime import datetime

import pytest

from aigw.books.usage_question import Question, moment, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 9910), ("15m", 9100), ("1h", 6400), ("1.5h", 4600), ("7d", 0), ("all", 0), (" 1m ", 9940),
        ("1763850000", 1763850000), ("1763850000.5", 1763850000.5), ("1970-01-01T01:00:00+00:00", 3600),
        ("1970-01-01T01:00Z", 3600), ("2026-11-22", datetime(2026, 11, 22).timestamp()),
        ("2026-11-22T18:30", datetime(2026, 11, 22, 18, 30).timestamp()),
    ],
)  # fmt: skip
def test_moment(text, expected):
    assert moment(text, now=10_000.0) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "1y", "-1h", "1e5", "99999-01-01"])
def test_what_is_no_moment(text):
    with pytest.raises(ValueError, match=r"is not a time; write 15m, 1h, 7d, all, 2026-11-22"):
        moment(text, now=10_000.0)


def test_parse():
    assert parse(["model", "day", "model"], "1h", "", now=7200.0) == Question(
        by=("model", "day"), since=3600, until=7200
    )
    assert parse([], "all", "1h", now=7200.0) == Question(by=(), since=0, until=3600)
    with pytest.raises(
        ValueError, match=r"'user'; choose from route, service, provider, model, consumer, session, day"
    ):
        parse(["user"], "1h", "", now=0)

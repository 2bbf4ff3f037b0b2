"""Usage rows of all kinds, questions about them, and a log that has them."""

from pathlib import Path

from hypothesis import strategies as st

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_question import BY, Question
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens

START = 1_763_800_000.0

counts = st.none() | st.integers(0, 5000)
names = st.sampled_from(["", "a", "b'c", "d\x1b[31m"])
times = st.floats(0, 10_000).map(lambda ms: round(ms, 3))
rows = st.builds(
    UsageRow,
    id=st.just("x"),
    at=st.floats(0, 300_000).map(lambda s: START + s),
    route=names,
    service=names,
    provider=names,
    asked=st.sampled_from(["gpt", "qwen"]),
    model=st.sampled_from(["", "qwen-max"]),
    consumer=names,
    status=st.sampled_from([200, 400, 499, 502]),
    attempts=st.just(1),
    outcome=st.sampled_from(["complete", "aborted", "failed"]),
    tokens=st.builds(
        Tokens,
        input=counts,
        cache_read=counts,
        cache_write=counts,
        output=counts,
        reasoning=counts,
        source=st.sampled_from(["reported", "estimated", "absent"]),
    ),
    cost=st.none() | st.floats(0, 10),
    cache=st.sampled_from(["", "hit", "miss"]),
    first_token_ms=st.none() | times,
    total_ms=times,
)
questions = st.builds(
    Question,
    by=st.lists(st.sampled_from(BY), unique=True, max_size=3).map(tuple),
    since=st.just(0.0) | st.floats(0, 300_000).map(lambda s: START + s),
    until=st.floats(1, 400_000).map(lambda s: START + s),
    buckets=st.integers(1, 50),
    bucket_s=st.sampled_from([0.5, 2.0, 5000.0]),
)


def kept(given_rows, folder):
    log = SqliteUsageLog(Path(folder, "usage.sqlite"), interval=0.0, now=lambda: START)
    for row in given_rows:
        log.append(row)
    log.close()
    assert log.lost == 0
    return log

"""Summaries equal a plain recomputation, row by row, of what the words mean."""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_usage import START, kept, questions, rows
from unprivileged import reachable_folder, unprivileged

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.summary import Summary
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_query import read
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens

ROOT = Path(__file__).parents[2]


@settings(max_examples=100, deadline=None)
@given(st.lists(rows, max_size=25), questions)
def test_equals_a_plain_recomputation(given_rows, question):
    with tempfile.TemporaryDirectory() as folder:
        summary = kept(given_rows, folder).summarise(question)
    inside = [row for row in given_rows if question.since <= row.at < question.until]
    first = min((row.at for row in inside), default=question.until)
    window = max(1.0, question.until - max(question.since, first))
    groups = defaultdict(list)
    for row in inside:
        groups[tuple(key(row, name) for name in question.by)].append(row)
    assert summary.window_s == pytest.approx(window)
    assert summary.latest == max((row.at for row in given_rows), default=None)
    assert [tuple(line.key.values()) for line in summary.rows] == sorted(groups)
    assert all(tuple(line.key) == question.by for line in summary.rows)
    for line in summary.rows:
        check(line, groups[tuple(line.key.values())], window)
    check(summary.total, inside, window)
    check_series(summary, inside, question)
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary


def key(row, name):
    if name == "model":
        return row.model or row.asked
    return datetime.fromtimestamp(row.at).date().isoformat() if name == "day" else getattr(row, name)


def check(line, of, window):
    assert line.requests == len(of)
    for bucket in ("input", "cache_read", "cache_write", "output", "reasoning"):
        assert getattr(line, bucket) == sum(getattr(row.tokens, bucket) or 0 for row in of)
    wrong = [row for row in of if row.outcome == "failed" or (row.status >= 400 and row.outcome != "aborted")]
    assert line.errors == len(wrong)
    assert line.cache_hits == sum(row.cache == "hit" for row in of)
    assert line.estimated == sum(row.tokens.source == "estimated" for row in of)
    nothing = [row for row in of if row in wrong or row.cache == "hit" or row.cost == 0]
    used = [row for row in of if not (row.tokens.source == "absent" and row in nothing)]
    assert line.absent == sum(row.tokens.source == "absent" for row in used)
    assert line.unpriced == sum(row.cost is None for row in used)
    costs = [row.cost for row in of if row.cost is not None]
    if costs or not line.unpriced:
        assert line.cost == pytest.approx(sum(costs))
        assert line.cost_per_min == pytest.approx(sum(costs) / window * 60)
    else:
        assert line.cost is line.cost_per_min is None
    assert line.window_tokens_per_s == pytest.approx(line.output / window)
    made = [(row.tokens.output, row.total_ms - (row.first_token_ms or 0)) for row in of if row.cache != "hit"]
    made = [(tokens, ms) for tokens, ms in made if tokens and ms > 0]
    speed = sum(tokens for tokens, _ in made) / sum(ms for _, ms in made) * 1000 if made else None
    assert line.tokens_per_s == (None if speed is None else pytest.approx(speed))
    firsts = sorted(row.first_token_ms for row in of if row.first_token_ms is not None)
    for share, value in ((50, line.first_token_p50_ms), (95, line.first_token_p95_ms)):
        expected = firsts[math.ceil(share * len(firsts) / 100) - 1] if firsts else None
        assert value == (None if expected is None else pytest.approx(expected, abs=0.0005))


def check_series(summary, inside, question):
    expected = [0.0] * question.buckets
    width = question.bucket_s
    end = math.floor(question.until / width) * width
    for row in inside:
        bucket = math.floor((row.at + row.total_ms / 1000 - (end - question.buckets * width)) / width)
        if 0 <= bucket < question.buckets:
            expected[bucket] += (row.tokens.output or 0) / width
    assert summary.series == pytest.approx(expected)
    assert (summary.series_end, summary.bucket_s) == (end, width)


def test_an_unknown_cost_is_never_0(tmp_path):
    def row(route, cost, **more):
        return UsageRow(id="1", at=START, route=route, cost=cost, tokens=Tokens(output=1, source="reported"), **more)

    log = kept(
        [row("known", 0.5), row("mixed", 0.25), row("mixed", None), row("none", None), row("free", 0.0)], tmp_path
    )
    summary = log.summarise(Question(by=("route",), until=START + 60))
    costs = {line.key["route"]: (line.cost, line.cost_per_min, line.unpriced) for line in summary.rows}
    assert costs == {
        "known": (0.5, 0.5, 0),
        "mixed": (0.25, 0.25, 1),
        "none": (None, None, 1),
        "free": (0.0, 0.0, 0),
    }
    assert (summary.total.cost, summary.total.unpriced) == (0.75, 2)


def test_a_refused_request_and_a_cache_hit_cost_nothing(tmp_path):
    given_rows = [
        UsageRow(id="1", at=START, route="r", status=401),
        UsageRow(id="2", at=START, route="r", cache="hit"),
    ]
    total = kept(given_rows, tmp_path).summarise(Question(by=(), until=START + 60)).total
    assert (total.cost, total.unpriced, total.absent, total.errors, total.cache_hits) == (0.0, 0, 0, 1, 1)


def test_models_that_never_existed_are_one_row(tmp_path):
    def row(asked, status, error="", model="", attempts=1, at=START):
        return UsageRow(
            id="1", at=at, route="r", asked=asked, model=model, status=status, error=error, attempts=attempts
        )

    given_rows = [
        row("known", 200, model="known-1"),
        row("known", 429, "rate_limited"),
        row("made-up", 404, "model_not_found"),
        row("made-up-1", 400, "invalid_body", attempts=0),
        row("made-up-1", 401, "invalid_api_key", attempts=0),
        row("made-up-1", 429, "rate_limit_exceeded", attempts=0),
        row("spent", 402, "budget_exceeded", attempts=0),
        row("spent", 200, at=START - 3600),
        row("wrong", 400, "invalid_request"),
        row("made-up-2", 400, "The model `made-up-2` does not exist"),
        row("made-up-3", 402, "price_unknown"),
        row("sometimes", 404),
        row("sometimes", 200),
        row("busy", 503, "upstream_connect"),
        row("", 404, "unknown_url"),
    ]
    summary = kept(given_rows, tmp_path).summarise(Question(by=("model",), since=START, until=START + 60))
    assert {line.key["model"]: line.requests for line in summary.rows} == {
        "": 1, "busy": 1, "known": 1, "known-1": 1, "sometimes": 2, "spent": 1, "wrong": 1, "unknown model": 6,
    }  # fmt: skip


def test_without_a_file(tmp_path):
    log = SqliteUsageLog(tmp_path / "none" / "usage.sqlite", interval=0.01)
    summary = log.summarise(Question(by=("model",), until=START))
    assert (summary.rows, summary.total.requests, summary.latest, sum(summary.series)) == ([], 0, None, 0)


def test_days_are_local_and_begin_at_midnight(tmp_path):
    midnight = datetime.fromisoformat("2026-11-22T00:00+09:00").timestamp()
    moments = (midnight - 0.0001, midnight, midnight + 86399.9999)
    kept([UsageRow(id="1", at=at, route="r") for at in moments], tmp_path)
    script = """if True:
        import sys
        from pathlib import Path
        from aigw.books.sqlite_log import SqliteUsageLog
        from aigw.books.usage_question import Question
        summary = SqliteUsageLog(Path(sys.argv[1]), interval=0.01).summarise(Question(by=("day",), until=2e9))
        print([(line.key["day"], line.requests) for line in summary.rows])"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "usage.sqlite")],
        cwd=ROOT, env=os.environ | {"TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[('2026-11-21', 1), ('2026-11-22', 2)]"


def test_a_hundred_thousand_rows_are_quick(tmp_path):
    given_rows = (
        UsageRow(id=f"{n}", at=START + n / 100, route=f"r{n % 30}", tokens=Tokens(output=n, source="reported"),
                 first_token_ms=n % 977, total_ms=2000.0, cost=0.5)
        for n in range(100_000)
    )  # fmt: skip
    log = SqliteUsageLog(tmp_path / "usage.sqlite", interval=0.01, limit=100_000, now=lambda: START)
    for row in given_rows:
        log.append(row)
    log.close()
    before = time.process_time()
    summary = log.summarise(Question(by=("route",), until=START + 1000))
    assert time.process_time() - before < 2.0
    assert (summary.total.requests, len(summary.rows), summary.total.cost) == (100_000, 30, 50_000)


def test_usage_on_a_read_only_disk():
    """A state folder that can only be read (a mounted backup, another user's)."""
    with reachable_folder() as folder:
        log = SqliteUsageLog(folder / FILE_NAME, interval=0.01, now=lambda: 2.0)
        log.append(UsageRow(id="a", at=1.0, route="r"))
        log.close()
        for ending in ("-wal", "-shm"):
            (folder / f"{FILE_NAME}{ending}").unlink(missing_ok=True)
        (folder / FILE_NAME).chmod(0o444)
        folder.chmod(0o555)  # SQLite cannot make the -shm and -wal beside the file
        assert unprivileged(lambda: [row.id for row in read(folder / FILE_NAME)] == ["a"])
        assert [each.name for each in folder.iterdir()] == [FILE_NAME]

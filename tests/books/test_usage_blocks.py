"""Sums by blocks are the sums of all rows, whatever is kept of them."""

import contextlib
import sqlite3
import tempfile

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_usage import START, kept, questions, rows

from aigw.books.usage_blocks import FILE_NAME, UsageBlocks
from aigw.books.usage_query import summarise
from aigw.books.usage_question import Question
from aigw.books.usage_row import UsageRow
from aigw.core.tokens import Tokens

EVERYTHING = Question(by=("model",), until=START + 1000)
ABOUT = ("first_token_p50_ms", "first_token_p95_ms", "cost", "cost_per_min", "tokens_per_s")
"""Times are kept with three digits, and what is added in another order is another number."""


def told(summary):
    """The summary without ABOUT, and the latter."""
    lines = [msgspec.structs.asdict(line) for line in (*summary.rows, summary.total)]
    about = [line.pop(name) for line in lines for name in ABOUT]
    return lines, summary.window_s, summary.series, summary.latest, [-1.0 if each is None else each for each in about]


def same(found, expected):
    assert told(found)[:4] == told(expected)[:4]
    assert told(found)[4] == pytest.approx(told(expected)[4], rel=0.006)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, max_size=25), questions, st.integers(1, 5))
def test_they_are_those_of_all_rows(given_rows, question, block):
    with tempfile.TemporaryDirectory() as folder:
        path = kept(given_rows, folder).path
        expected = summarise(path, question)
        for threads in (3, 1):  # the second time some are kept
            found = summarise(path, question, block=block, threads=threads)
            same(found, expected)
            assert type(found.total.requests) is type(found.total.output) is int


def filled(folder, count=40):
    given_rows = [
        UsageRow(
            id=f"{n}", at=START + n, route="r", asked="m", first_token_ms=100.0 + n,
            status=404 if n == 3 else 200, tokens=Tokens(output=n),
        )
        for n in range(count)
    ]  # fmt: skip
    return kept(given_rows, folder).path


def change(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(statement)
        file.commit()


def test_a_block_is_read_once(tmp_path):
    path = filled(tmp_path)
    before = summarise(path, EVERYTHING, block=16)
    change(path, "UPDATE requests SET output = 1000")
    assert summarise(path, EVERYTHING, block=16).total.output == sum(range(15)) + sum(range(15, 31)) + 9 * 1000
    assert summarise(path, Question(by=("day",), until=START + 1000), block=16).total.output == 40_000
    assert before.total.output == sum(range(40))


def test_a_block_whose_rows_have_changed_is_read_anew(tmp_path):
    path = filled(tmp_path)
    summarise(path, EVERYTHING, block=16)
    change(path, "DELETE FROM requests WHERE id = '7'")
    assert summarise(path, EVERYTHING, block=16).total.output == sum(range(40)) - 7
    change(path, "DELETE FROM requests WHERE rowid < 20")
    assert summarise(path, EVERYTHING, block=16).total.requests == 21
    summarise(path, EVERYTHING, block=8)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE_NAME)) as file:
        assert file.execute("SELECT min(number) FROM blocks").fetchone()[0] >= 1


def test_a_file_that_began_anew_has_other_blocks(tmp_path):
    path = filled(tmp_path)
    summarise(path, EVERYTHING, block=16)
    path.unlink()
    given_rows = [UsageRow(id=f"{n}", at=START + 100 + n, route="r", asked="new") for n in range(40)]
    assert [line.key["model"] for line in summarise(kept(given_rows, tmp_path).path, EVERYTHING, block=16).rows] == [
        "new"
    ]


@pytest.mark.parametrize("content", [b"", b"not SQLite" * 100])
def test_a_file_of_sums_that_is_not_one_is_left_alone(tmp_path, content):
    path = filled(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(content)
    for _ in range(2):
        assert summarise(path, EVERYTHING, block=16).total.output == sum(range(40))
    assert not content or (tmp_path / FILE_NAME).read_bytes() == content


def test_sums_that_cannot_be_read_are_made_anew(tmp_path):
    path = filled(tmp_path)
    summarise(path, EVERYTHING, block=16)
    change(tmp_path / FILE_NAME, "UPDATE blocks SET sums = x'93c0c0c0'")
    assert summarise(path, EVERYTHING, block=16).total.output == sum(range(40))


def test_what_is_added_up_before_is_not_added_up_again(tmp_path):
    path = filled(tmp_path)
    blocks = UsageBlocks(path, 16)
    assert blocks.missing(["model"]) == [0, 1]
    for number in (1, 0):
        blocks.add_up(["model"], number)
        assert blocks.missing(["model"]) == [0] * number
    assert blocks.missing(["day"]) == [0, 1]
    change(path, "UPDATE requests SET output = 0")
    assert summarise(path, EVERYTHING, block=16).total.output == sum(range(31))


def test_nothing_is_missing_of_few_rows(tmp_path):
    assert UsageBlocks(filled(tmp_path), 20).missing(["model"]) == []


def test_few_rows_leave_no_file(tmp_path):
    summarise(filled(tmp_path), EVERYTHING)
    assert not (tmp_path / FILE_NAME).exists()

"""The screen of `aigw top`, whatever it is given: no line is ever wrapped."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from aigw.books.summary import Group, Sums, summarise
from aigw.books.usage_question import Question
from aigw.cli.views.top import View, legend, whole
from aigw.cli.views.usage import SORTING


def summary_of(names, number, denied=0):
    sums = Sums(requests=number, input=number, cache_read=number, cache_write=0, output=number, reasoning=0,
                cost=number / 7, unpriced=1, errors=number, cache_hits=0, estimated=0, absent=0, generated=number, generation_ms=1.0,
                denied=denied)  # fmt: skip
    groups = [Group((name,), sums, {float(number): 1}, 0.0) for name in dict.fromkeys(names)]
    return summarise(Question(by=("model",), until=100.0), groups, [number] * 60, 1.0)


def test_requests_without_a_model_are_no_missing_number():
    frame = whole(View("1h", "state", "hint"), summary_of(["", "echo"], 3), 120)
    assert {row[0] for row in frame.grid.rows} == {"no model", "echo"}


def test_what_was_denied_is_shown_if_there_is_any():
    view = View("1h", "state", "hint")
    assert "denied" not in whole(view, summary_of(["echo"], 3), 200).grid.header
    grid = whole(view, summary_of(["echo"], 3, denied=2), 200).grid
    assert grid.rows[0][grid.header.index("denied")] == "2"


@given(
    st.lists(st.text(max_size=50), min_size=1, max_size=5),
    st.integers(0, 10**12),
    st.integers(30, 250),
    st.sampled_from([column.name for column in SORTING]),
)
def test_no_line_is_ever_wrapped(names, number, width, column):
    view = View("1h", "state" * 30, "hint")
    view.column = [each.name for each in SORTING].index(column)
    summary = summary_of(names, number)
    for frame in (whole(view, summary, width), view.frame(summary, width, 24)):
        console = Console(width=width, height=100, emoji=False, markup=False, highlight=False, color_system=None)
        with console.capture() as capture:
            console.print(frame.rich())
        lines = capture.get().split("\n")
        assert len(lines) == 4 + len(summary.rows) + 1 + sum(map(bool, (frame.note, frame.legend, frame.keys))) + 1
        assert all(cell_len(line) <= width for line in lines)
        assert frame.grid.header[1] in ("requests", "req")


@given(st.integers(0, 10**9))
def test_the_legend_explains_columns_that_are_there_at_80_columns(number):
    summary = summary_of(["qwen-max"], number)
    view = View("1h", "state", "hint")
    for frame in (whole(view, summary, 80), view.frame(summary, 80, 24)):
        named = frame.legend.partition(",")[0]
        assert named in frame.grid.header
        assert not frame.legend.endswith("…")


def test_the_legend_explains_only_what_is_there():
    assert legend(("model", "req"), 80) == ""
    assert legend(("model", "first p50"), 80).startswith("first p50: time to")
    assert legend(("model", "first p50", "first p95"), 80).startswith("first p50, p95: time to")

"""A trace on a terminal, whatever is in it: every line fits and can be printed."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from aigw.cli.views.trace import lines
from aigw.core.retrieval import Retrieved
from aigw.trace.record import BodyChange, Changed, HeaderChange, Step, TraceRecord, Was

NOON = 1_795_176_000.0


TEXTS = st.text(max_size=120)


@given(
    TEXTS, TEXTS, TEXTS, st.sampled_from(["add", "remove", "replace"]), st.integers(1, 120),
)  # fmt: skip
@settings(deadline=None)
def test_every_line_fits_and_is_printable(name, old, new, op, width):
    changed = Changed(
        path=Was(old, new), headers=[HeaderChange(name, old, None)], body=[BodyChange(op, name, old, new)]
    )
    step = Step(kind="plugin", name=name, changed=changed, error=old)
    record = TraceRecord(v=1, id=name, at=NOON, path=old, query=new, steps=[step])
    for line in lines(record, width):
        assert line.plain.isprintable()
        assert cell_len(line.plain) <= max(width, 30)


def test_passages_are_named_with_their_scores():
    record = TraceRecord(v=1, id="1", at=NOON, retrieved=[Retrieved("a.md#1", 0.81234), Retrieved("b.md#2", 0.5)])
    assert "  passages a.md#1 (0.812), b.md#2 (0.500)" in [line.plain for line in lines(record, 80)]


def test_an_upload_that_was_not_kept_is_told():
    record = TraceRecord(v=1, id="1", at=NOON, method="POST", path="/v1/files")
    assert "an upload that is passed on once and cannot be sent again" in [line.plain for line in lines(record, 200)][2]

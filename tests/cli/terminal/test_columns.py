"""Texts that are cut to a width."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aigw.cli.terminal.columns import shorten


@given(st.text(), st.integers(1, 30))
def test_shorten(text, width):
    short = shorten(text, width)
    assert cell_len(short) <= width
    assert short == text or "…" in short

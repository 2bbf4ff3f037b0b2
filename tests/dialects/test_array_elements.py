"""A JSON array in pieces: its elements come out when they are whole, however it is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.dialects.array_elements import ElementSplitter, leading_elements


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3)), max_size=4), st.data())
def test_any_cut(elements, data):
    raw = json.dumps(elements, ensure_ascii=False, indent=data.draw(st.sampled_from([None, 1]))).encode()
    splitter, got, position = ElementSplitter(), [], 0
    while position < len(raw):
        size = data.draw(st.integers(1, len(raw)))
        got += [chunk.json() for chunk in splitter.feed(raw[position : position + size])]
        position += size
    assert got == elements


@pytest.mark.parametrize(
    ("raw", "elements"),
    [
        (b'{"error":{"code":429}}', [{"error": {"code": 429}}]),
        (b'\xef\xbb\xbf[{"a":1},{"b"', [{"a": 1}]),
        (b"<html>", []),
        (b"", []),
        (b"[]", []),
        (b"[" * 100_000, []),
    ],
)
def test_what_is_whole(raw, elements):
    assert leading_elements(raw) == elements

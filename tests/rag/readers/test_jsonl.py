"""JSONL: a record a line."""

import pytest

from aigw.rag.document import Block, UnreadableError
from aigw.rag.readers.jsonl import read


def test_each_line_is_a_record():
    data = '{"title": "A", "text": "one\\ntwo"}\n\n"bare"\n[1, 2]\nnull\n{"x": "\\ud800\\u0000"}\n'
    assert read(data.encode()).blocks == [
        Block("paragraph", "title: A\ntext: one\ntwo", 1, 1),
        Block("paragraph", "bare", 3, 3),
        Block("paragraph", "[1, 2]", 4, 4),
        Block("paragraph", "x: ?\ufffd", 6, 6),
    ]


@pytest.mark.parametrize("line", ["{no", "[" * 200_000])
def test_the_line_that_is_no_json_is_named(line):
    with pytest.raises(UnreadableError, match="line 2 is no JSON"):
        read(b"{}\n" + line.encode())

"""Notebooks: cells and what they put out."""

import json

import pytest

from aigw.rag.document import Block, UnreadableError
from aigw.rag.readers.notebook import read


def test_cells_are_blocks():
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "\n", "Why."]},
        {
            "cell_type": "code",
            "source": "x = 1\n",
            "outputs": [
                {"output_type": "stream", "text": ["one\n", "two\n"]},
                {"output_type": "execute_result", "data": {"text/plain": "42", "image/png": "AAAA"}},
                {"output_type": "display_data", "data": {"image/png": "AAAA"}},
                {"output_type": "stream", "text": "y" * 5000},
            ],
        },
        {"cell_type": "raw", "source": "raw"},
    ]
    document = read(json.dumps({"cells": cells, "nbformat": 4}).encode())
    assert document.title == "Study"
    assert document.blocks == [
        Block("heading", "# Study", level=1, title="Study"),
        Block("paragraph", "Why."),
        Block("code", "x = 1"),
        Block("code", "one\ntwo"),
        Block("code", "42"),
        Block("code", "y" * 2000),
        Block("paragraph", "raw"),
    ]


def test_the_old_format_has_worksheets():
    cells = [{"cell_type": "heading", "level": 2, "source": "Part"}, {"cell_type": "code", "input": "x"}]
    assert read(json.dumps({"worksheets": [{"cells": cells}]}).encode()).blocks == [
        Block("heading", "Part", level=2, title="Part"),
        Block("code", "x"),
    ]


@pytest.mark.parametrize("data", ["no", "[]", "{}", "3", '{"cells": 3}', "[" * 200_000])
def test_what_is_no_notebook_is_said(data):
    with pytest.raises(UnreadableError, match="it is no notebook"):
        read(data.encode())


def test_parts_of_other_types_are_left_out():
    cells = [
        3,
        {"cell_type": 3, "source": {}},
        {"cell_type": "code", "source": [1, "x"], "outputs": [None, {"data": []}]},
    ]
    assert read(json.dumps({"cells": cells}).encode()).blocks == [Block("code", "x")]

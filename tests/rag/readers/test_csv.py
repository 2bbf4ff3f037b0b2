"""CSV: rows with the names of their columns."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.document import Block
from aigw.rag.readers.csv import read


def test_each_row_says_what_its_cells_are():
    assert read(b'name,age\nAnn,3\n\n"Bob\nB",\n').blocks == [Block("table", "name: Ann; age: 3\nname: Bob B", 2, 5)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_most_frequent_in_the_first_row(delimiter):
    text = "a,b,c\n1,2;5,x y\n".translate({ord(","): delimiter, ord(";"): "."})
    assert read(text.encode()).blocks[0].text == "a: 1; b: 2.5; c: x y"


@pytest.mark.parametrize("text", ["1,2\n3,4", "a,a\nb,c", "a,\nb,c", "only,one"])
def test_a_first_row_that_has_no_names_is_a_row(text):
    assert read(text.encode()).blocks[0].text == text.replace(",\n", "\n").replace(",", "; ")


def test_rows_are_put_together_by_twenties():
    blocks = read(("n\n" + "\n".join(f"x{number}" for number in range(45))).encode()).blocks
    assert [(block.first, block.last) for block in blocks] == [(2, 21), (22, 41), (42, 46)]


def test_cells_beyond_the_names_and_huge_ones_are_kept():
    assert read(b"a,b\n1,2,3").blocks[0].text == "a: 1; b: 2; 3"
    assert len(read(b"a,b\n" + b"x" * 500_000 + b",1").blocks[0].text) > 500_000
    assert read(b"").blocks == []


@given(st.lists(st.lists(st.text(alphabet="ab1, \"\n;'", max_size=5), min_size=2, max_size=3), max_size=6))
def test_no_cell_is_lost(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["one", "two", "three"], *rows])
    text = "".join(block.text for block in read(out.getvalue().encode()).blocks)
    for row in rows:
        for cell in row:
            assert " ".join(cell.split()) in text

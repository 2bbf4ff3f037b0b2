"""Plain text: paragraphs and their lines."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.document import Block
from aigw.rag.readers.text import read


def test_paragraphs_stand_between_blank_lines():
    document = read(b"\n one\ntwo\n \t\n\nthree")
    assert document.blocks == [Block("paragraph", " one\ntwo", 2, 3), Block("paragraph", "three", 6, 6)]


def test_nothing_is_no_block():
    assert read(b"").blocks == read(b"\n \n").blocks == []


@given(st.text(alphabet="ab \n", max_size=60))
def test_the_lines_of_a_block_are_those_of_the_source(text):
    lines = text.split("\n")
    blocks = read(text.encode()).blocks
    for block in blocks:
        assert block.text == "\n".join(lines[block.first - 1 : block.last])
    assert "".join("".join(block.text.split()) for block in blocks) == "".join(text.split())

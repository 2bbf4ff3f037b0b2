"""Source code: one block."""

from aigw.rag.document import Block
from aigw.rag.readers.code import read


def test_all_of_it_is_one_block_without_blank_ends():
    assert read(b"\nfunc a() {\r\n\n}\n\n").blocks == [Block("code", "func a() {\n\n}", 2, 4)]
    assert read(b" \n").blocks == []

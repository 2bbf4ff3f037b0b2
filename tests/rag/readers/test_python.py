"""Python: names of classes and functions above their code."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.readers.python import read

SOURCE = '''\
"""What it is."""

import os

# about f
@decorated
@twice(
    1)
def f():
    return 1

X = 1

class A:
    """A."""

    y = 2

    async def g(self):
        def inner(): ...

        return inner

    z = 3


print(A)
'''


def test_definitions_are_titles():
    blocks = read(SOURCE.encode()).blocks
    assert [
        (block.level, block.title) if block.kind == "heading" else (block.first, block.last) for block in blocks
    ] == [
        (1, 3),
        (1, "f"),
        (5, 10),
        (1, ""),
        (12, 12),
        (1, "A"),
        (14, 17),
        (2, "g"),
        (19, 22),
        (2, ""),
        (24, 24),
        (1, ""),
        (27, 27),
    ]
    assert blocks[2].text.startswith("# about f\n@decorated")


def test_what_does_not_compile_is_code():
    source = "print 'old'\n\ndef f():\n    print 1"
    assert [(block.kind, block.title, block.first) for block in read(source.encode()).blocks] == [
        ("code", "", 1),
        ("heading", "f", 3),
        ("code", "", 3),
    ]
    assert len(read(("(" * 50_000).encode()).blocks) == 1
    assert read(b"\n\n").blocks == []


@given(st.lists(st.sampled_from(["def f(): pass", "class A:", "    x = 1", "    def g(self):", "        y = '\\d'", "", "# c", "@d", "z = 1; w = 2"]), max_size=15))  # fmt: skip
def test_no_line_is_lost_and_none_comes_twice(lines):
    blocks = [block for block in read("\n".join(lines).encode()).blocks if block.text]
    assert [line for block in blocks for line in block.text.split("\n") if line.strip()] == [
        line for line in lines if line.strip()
    ]
    for block in blocks:
        assert block.text == "\n".join(lines[block.first - 1 : block.last])

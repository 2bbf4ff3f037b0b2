"""Markdown: blocks, their lines, and that none is lost."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.document import Block
from aigw.rag.readers.markdown import read, read_text

PAGE = """\
---
title: "The guide"
---
# The `guide` to [it](http://x) #

One
two.

[it]: http://x

Set
---
| a | b |
|---|---|
| 1 | 2 |

- x
  - y

> # quoted

```py
# no heading

x = 1
```
"""


def test_each_block_is_known_by_its_kind_and_lines():
    document = read(PAGE.encode())
    assert document.title == "The guide"
    assert document.blocks == [
        Block("code", '---\ntitle: "The guide"\n---', 1, 3),
        Block("heading", "# The `guide` to [it](http://x) #", 4, 4, level=1, title="The guide to it"),
        Block("paragraph", "One\ntwo.", 6, 7),
        Block("paragraph", "[it]: http://x", 9, 9),
        Block("heading", "Set\n---", 11, 12, level=2, title="Set"),
        Block("table", "| a | b |\n|---|---|\n| 1 | 2 |", 13, 15),
        Block("list", "- x\n  - y", 17, 18),
        Block("paragraph", "> # quoted", 20, 20),
        Block("code", "```py\n# no heading\n\nx = 1\n```", 22, 26),
    ]


def test_the_title_is_that_of_the_first_heading_of_level_one():
    assert read(b"## b\n# a\n# c").title == "a"
    assert read(b"## b").title == ""


def test_front_matter_without_an_end_is_none():
    assert read(b"---\ntitle: x\n\nmore").blocks[-1].text == "more"


def test_lines_may_begin_elsewhere():
    assert read_text("a\n\nb", 10).blocks == [Block("paragraph", "a", 11, 11), Block("paragraph", "b", 13, 13)]


@given(st.lists(st.sampled_from(["# h", "- a", "  b", "```", "---", "|a|b|", "|-|-|", ">", "> c", "", "    d", "[e]: f", "<p>", "==="]), max_size=12))  # fmt: skip
def test_no_line_is_lost_and_none_comes_twice(lines):
    blocks = read("\n".join(lines).encode()).blocks
    assert [line for block in blocks for line in block.text.split("\n") if line.strip()] == [
        line for line in lines if line.strip()
    ]
    for block in blocks:
        assert block.text == "\n".join(lines[block.first - 1 : block.last])


def test_a_hundred_thousand_levels_are_read():
    for text in (">" * 100_000, "- " * 100_000, "[" * 100_000):
        assert read(text.encode()).blocks

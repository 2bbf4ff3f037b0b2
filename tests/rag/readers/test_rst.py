"""reStructuredText: titles, definitions, literal blocks, and that no line is lost."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.readers.rst import read

PAGE = """\
.. _label:

.. contents::
   :local:

   more

.. _target: http://kept/

=======
 Guide
=======

Install
-------
Text right below::

    code

      more
Back.

.. code-block:: python

   x = 1

   y = 2

* one
* two

.. class:: Session(base, \\
                   more)

   What it does.

   .. method:: close()

      Closes it.

   Still the class.

After it.

网关
----

=====  =====
a      b
=====  =====
"""


def test_structure():
    document = read(PAGE.encode())
    assert document.title == "Guide"
    assert [(block.kind, block.level, block.title or block.text) for block in document.blocks] == [
        ("paragraph", 0, ".. _target: http://kept/"),
        ("heading", 1, "Guide"),
        ("heading", 2, "Install"),
        ("paragraph", 0, "Text right below::"),
        ("code", 0, "    code\n\n      more"),
        ("paragraph", 0, "Back."),
        ("paragraph", 0, ".. code-block:: python"),
        ("code", 0, "   x = 1\n\n   y = 2"),
        ("list", 0, "* one\n* two"),
        ("heading", 10, "Session"),
        ("paragraph", 0, "   What it does."),
        ("heading", 13, "close"),
        ("paragraph", 0, "      Closes it."),
        ("heading", 13, ""),
        ("paragraph", 0, "   Still the class."),
        ("heading", 10, ""),
        ("paragraph", 0, "After it."),
        ("heading", 2, "网关"),
        ("table", 0, "=====  =====\na      b\n=====  ====="),
    ]


def test_the_same_character_above_and_below_is_another_style():
    blocks = read(b"A\n===\n\n===\nB\n===\n\nC\n===").blocks
    assert [(block.title, block.level) for block in blocks] == [("A", 1), ("B", 2), ("C", 1)]


LINES = ["Title", "=====", "---", "a::", "    b", "", "", ".. class:: X", "   .. method:: y", "   text", "* c", "\tz"]


@given(st.lists(st.sampled_from(LINES), max_size=20))
def test_no_line_is_lost_and_none_comes_twice(lines):
    blocks = [block for block in read("\n".join(lines).encode()).blocks if block.text]
    assert [line for block in blocks for line in block.text.split("\n") if line.strip()] == [
        line for line in lines if line.strip()
    ]
    for block in blocks:
        assert block.text == "\n".join(lines[block.first - 1 : block.last])

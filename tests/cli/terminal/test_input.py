"""What a user types: lines, and texts of several lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.cli.terminal.input import MORE, PROMPT, typed


class Terminal:
    """Somebody who types these lines, and then presses Ctrl-D."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.prompts = []

    def __call__(self, prompt):
        self.prompts.append(prompt)
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["hello"], "hello"),
        ([""], ""),
        (['"""one line"""'], "one line"),
        (['"""a', "b", '  c"""'], "a\nb\n  c"),
        ([' """', "a", '""" '], "a"),
        (['"""', "", '"""'], ""),
        (['say """hi"""'], 'say """hi"""'),
        (["caf\udce9"], "caf?"),
    ],
)
def test_what_is_typed(lines, text):
    terminal = Terminal(*lines)
    assert typed(terminal) == text
    assert terminal.prompts == [PROMPT, *[MORE] * (len(lines) - 1)]


def test_ctrl_d_in_the_middle():
    with pytest.raises(EOFError):
        typed(Terminal('"""a', "b"))


@given(st.lists(st.text(st.characters(exclude_characters='"\n\r')), min_size=1))
def test_any_lines_between_quotes(lines):
    text = "\n".join(lines)
    terminal = Terminal(*f'"""\n{text}\n"""'.split("\n"))
    assert typed(terminal) == text.encode("utf-8", "replace").decode().strip("\n")
    assert terminal.lines == []

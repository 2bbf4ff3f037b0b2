"""The bar of steps: nothing in a pipe, and on a terminal how many are done."""

import io
from contextlib import redirect_stderr

from aigw.cli.terminal.steps import Steps


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_in_a_pipe_nothing_is_shown():
    with redirect_stderr(io.StringIO()) as err, Steps("calls") as steps:
        steps(1, 3)
    assert (err.getvalue(), steps.done, steps.total) == ("", 1, 3)


def test_on_a_terminal():
    with redirect_stderr(Terminal()) as err, Steps("calls") as steps:
        steps(2, 3)
    assert "2/3" in err.getvalue()
    assert "calls" in err.getvalue()

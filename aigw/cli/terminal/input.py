"""Reads what a user types: a line, or several between triple quotes.

Rule: Ctrl-C stays a KeyboardInterrupt and Ctrl-D an EOFError, wherever they come."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

PROMPT, MORE = ">>> ", "... "
QUOTES = '"""'


def edited() -> None:
    """Lets lines be edited from now on, and lets earlier ones come back with the arrow keys, if the system can do
    that."""
    if sys.platform != "win32":  # whose console does it by itself
        with contextlib.suppress(ImportError):
            import readline

            readline.set_auto_history(True)


def typed(read: Callable[[str], str]) -> str:
    """Returns the next input: a line, or several lines without the quotes around them. `read` shows a prompt and
    returns a line."""
    line = _readable(read(PROMPT))
    if not line.lstrip().startswith(QUOTES):
        return line
    lines = [line.lstrip().removeprefix(QUOTES)]
    while not lines[-1].rstrip().endswith(QUOTES):
        lines.append(_readable(read(MORE)))
    lines[-1] = lines[-1].rstrip().removesuffix(QUOTES)
    return "\n".join(lines).strip("\n")


def _readable(line: str) -> str:
    """Bytes that are no text of the terminal's encoding become question marks."""
    return line.encode("utf-8", "replace").decode()

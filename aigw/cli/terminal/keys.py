"""Reads keys as they are pressed, and always gives the terminal back as it was.

Rule: Ctrl-C stays a KeyboardInterrupt. On Windows there are no keys."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SEQUENCES = {
    "[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down", "OC": "right", "OD": "left",
    "[5~": "page up", "[6~": "page down", "[H": "home", "[F": "end", "OH": "home", "OF": "end",
    "[1~": "home", "[4~": "end",
}  # fmt: skip
_KEY = re.compile(r"\x1b(\[[0-9;?]*[@-~]|O[@-~])|(.)", re.DOTALL)


def parse(text: str) -> list[str]:
    """Characters, and names of keys that send a sequence ("up", "page down", ...); unknown sequences are left out."""
    keys = [_SEQUENCES.get(sequence, "") if sequence else character for sequence, character in _KEY.findall(text)]
    return [key for key in keys if key]


@contextmanager
def keyboard() -> Iterator[Callable[[float], list[str]]]:
    """Yields a function that waits some seconds for keys and returns them. The end of the input counts as a "q"."""
    if sys.platform != "win32":
        source = sys.stdin.fileno()

        def press(seconds: float) -> list[str]:
            if not select.select([source], [], [], seconds)[0]:
                return []
            data = os.read(source, 1024)
            return parse(data.decode(errors="replace")) if data else ["q"]

        with _each_key(source):
            yield press
    else:
        yield _wait


@contextmanager
def _each_key(terminal: int) -> Iterator[None]:
    """Lets a terminal pass on each key at once."""
    if sys.platform != "win32":
        import termios
        import tty

        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSANOW)
            settings = termios.tcgetattr(terminal)
            for name in (termios.VSUSP, termios.VQUIT):  # a program stopped or dumped would leave its screen behind
                settings[6][name] = b"\0"
            termios.tcsetattr(terminal, termios.TCSANOW, settings)
            yield
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    else:
        yield


def _wait(seconds: float) -> list[str]:
    time.sleep(seconds)
    return []

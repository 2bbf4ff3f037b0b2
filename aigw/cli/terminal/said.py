"""How every command answers: JSON for programs, the width of what people read, and what went wrong.

Rule: JSON is one line in a pipe and indented on a terminal; nothing is cut in a pipe; an error begins with the command,
and its exit code is USAGE for what was typed or configured wrong, FAILURE for everything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import typer

FAILURE, USAGE = 1, 2
UNLIMITED = 10_000
"""The width of a pipe, in cells: no line of ours is longer."""


def say_text(text: str, *, err: bool = False) -> None:
    """Prints a text of one or more lines. What others wrote into it is made plain here, whoever calls."""
    from aigw.core.plain import plain_lines

    typer.echo(plain_lines(text), err=err)


def say_json(value: Any) -> None:
    """Prints plain data. What clients and providers wrote into it is escaped."""
    import json

    from aigw.core.plain import plain_json

    typer.echo(plain_json(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False)))


def width() -> int:
    """How many cells a line on stdout may have: those of the terminal, or of COLUMNS if somebody has set it."""
    import shutil

    wide = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return shutil.get_terminal_size().columns if wide else UNLIMITED


def fail(command: str, message: str | Iterable[str], code: int = FAILURE) -> NoReturn:
    """Says what went wrong, a line each, and exits."""
    from aigw.core.plain import plain

    for line in [message] if isinstance(message, str) else message:
        typer.echo(f"aigw {command}: {plain(line)}", err=True)
    raise typer.Exit(code)

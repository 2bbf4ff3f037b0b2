"""How every command answers: JSON for programs, the width of what people read, and what went wrong.

Rule: JSON is one line in a pipe and indented on a terminal; nothing is cut in a pipe, and on a terminal sentences are
broken between words; an error begins with the command, and its exit code is USAGE for what was typed or configured
wrong, FAILURE for everything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn, TextIO

import typer

FAILURE, USAGE = 1, 2
UNLIMITED = 10_000
"""The width of a pipe, in cells: no line of ours is longer."""
UNKNOWN = 80
"""The width of a terminal that does not tell it."""


def say_text(text: str, *, err: bool = False) -> None:
    """Prints a text of one or more lines. Makes it plain, because others may have written parts of it."""
    from aigw.core.plain import plain_lines

    typer.echo(plain_lines(text), err=err)


def say_sentence(text: str, *, err: bool = False) -> None:
    """Prints what people read: one line in a pipe, on a terminal as many as it takes."""
    from aigw.core.plain import plain

    stream, text = sys.stderr if err else sys.stdout, plain(text)
    typer.echo(folded(text, width(stream)) if stream.isatty() else text, err=err)


def folded(text: str, width: int, *, indent: str = "  ") -> str:
    """Breaks lines that are too wide between words, and begins the further lines with `indent`. What has no blank, such
    as a path, stays whole."""
    if all(len(line) <= width for line in text.split("\n")):
        return text
    import textwrap

    lines = (
        textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join("\n".join(each) for each in lines)


def say_json(value: Any) -> None:
    """Prints plain data. What clients and providers wrote into it is escaped."""
    typer.echo(_json(value, 2 if sys.stdout.isatty() else None))


def say_json_line(value: Any) -> None:
    """Prints plain data of which more follows: one line, also on a terminal."""
    typer.echo(_json(value, None))


def _json(value: Any, indent: int | None) -> str:
    import json

    from aigw.core.plain import plain_json

    return plain_json(json.dumps(value, indent=indent, ensure_ascii=False))


def drop(stream: TextIO) -> None:
    """Discards what is in the stream's buffer and all that is written from now on, because its reader is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def width(stream: TextIO | None = None) -> int:
    """How many cells a line may have on this stream, stdout by default: those of the terminal, or of COLUMNS if
    somebody has set it."""
    stream = stream or sys.stdout
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    return (os.get_terminal_size(stream.fileno()).columns or UNKNOWN) if stream.isatty() else UNLIMITED


def fail(command: str, message: str | Iterable[str], code: int = FAILURE) -> NoReturn:
    """Says what went wrong, a line each, and exits."""
    for line in [message] if isinstance(message, str) else message:
        say_sentence(f"aigw {command}: {line}", err=True)
    raise typer.Exit(code)

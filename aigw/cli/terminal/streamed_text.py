"""Writes the text of an answer as it comes: for a person on a terminal, for a program as it is.

Rule: on a terminal nothing that a model writes can move the cursor or hide; lines, tabs and emoji stay."""

from __future__ import annotations

import sys

import typer

from aigw.cli.terminal.output import FAILURE, drop


class Written:
    """What was written so far."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._held = ""
        self._last = "\n"

    def add(self, text: str) -> None:
        """Writes a piece. If nobody reads the output any more, this ends the command."""
        text, self._held = self._held + text, ""
        if text.endswith("\r"):  # which may be the first half of a line end
            text, self._held = text[:-1], "\r"
        self._write(text)

    def end(self) -> None:
        """Ends the last line."""
        self._write(self._held)
        self._held = ""
        if self._last != "\n":
            self._write("\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        self._last = text[-1]
        try:
            if self._on_terminal:
                from aigw.core.plain import plain_prose

                typer.echo(plain_prose(text.replace("\r\n", "\n")), nl=False)
            else:
                sys.stdout.buffer.write(text.encode("utf-8", "replace"))
                sys.stdout.buffer.flush()
        except BrokenPipeError:
            drop(sys.stdout)
            raise typer.Exit(FAILURE) from None

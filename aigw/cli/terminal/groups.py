"""Groups of commands that say what was typed wrong as all other errors are said."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from aigw.cli.terminal.output import USAGE, folded, width

_UsageError: Any = typer.BadParameter.__base__
"""The error that is raised for anything typed wrong. typer exports only a subclass of it."""


class Commands(TyperGroup):
    """A group that says what was typed wrong for one of its commands."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        with _reporting(parent):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _reporting(ctx):
            return super().invoke(ctx)


@contextmanager
def _reporting(context: Any) -> Iterator[None]:
    """Says a usage error, and exits. `context` and what was invoked in it name the command, unless the error does."""
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it is no error, and shows the help
            raise
        invoked = getattr(context, "invoked_subcommand", None)
        at = _names(error.ctx) if error.ctx is not None else [*_names(context), *filter(None, [invoked])]
        _say(" ".join(at), error.format_message() + _remedy(error))
        raise typer.Exit(USAGE) from None


def _remedy(error: Any) -> str:
    """Says how to name the configuration for a command that was given its file as an argument."""
    options = {name for each in error.ctx.command.params for name in each.opts} if error.ctx is not None else set()
    file = re.search(r"unexpected extra argument\S* \((\S+\.ya?ml)\)", error.format_message())
    return f"; write --config {file[1]}" if file and "--config" in options else ""


def _names(context: Any) -> list[str]:
    """Returns the words behind `aigw` that call the command of a context."""
    return [] if context is None or context.parent is None else [*_names(context.parent), context.info_name]


def _say(command: str, message: str) -> None:
    from aigw.core.plain import plain

    for line in (f"{f'aigw {command}'.strip()}: {plain(message)}", f"See: {f'aigw help {command}'.strip()}"):
        typer.echo(folded(line, width(sys.stderr)), err=True)

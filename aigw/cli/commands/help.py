"""`aigw help COMMAND` and `aigw version`: what people type who do not know yet that these are options."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw.cli.options import Json
from aigw.cli.terminal.output import USAGE, fail, say_json


def help_of(
    context: typer.Context,
    command: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help="Such as: cache ls.")] = None,
) -> None:
    """Show what a command does and its options.

    Example: aigw help cache ls
    """
    shown = context.parent or context
    for name in command or ():
        known = getattr(shown.command, "commands", {})
        if name not in known:
            names = ", ".join(each for each, found in known.items() if not found.hidden)
            fail(
                "help",
                f"there is no command {' '.join(command or ())!r}; there are {names or 'no commands in it'}",
                USAGE,
            )
        shown = typer.Context(known[name], info_name=name, parent=shown)
    typer.echo(shown.get_help())


def version(as_json: Json = False) -> None:
    """Print the version.

    Example: aigw version --json"""
    from aigw import __version__

    say_json({"version": __version__}) if as_json else typer.echo(f"aigw {__version__}")

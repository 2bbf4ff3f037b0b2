"""The command `aigw`. `command_table.py` has its commands; each has a file, and imports what it needs when it runs."""

from __future__ import annotations

import typer

from aigw.cli.command_table import COMMANDS, SETTINGS
from aigw.cli.terminal.listed_commands import listing

app = typer.Typer(
    name="aigw",
    cls=listing(COMMANDS),
    help="The local AI gateway: one address for every program that speaks to LLM providers.",
    epilog="Start with: aigw serve, or aigw chat",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)


def _version(asked: bool) -> None:
    if asked:
        from aigw.cli.commands import help

        help.version()
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", "-V", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    pass


def main() -> None:
    _open_standard_files()
    app()


def _open_standard_files() -> None:
    """Opens stdin, stdout or stderr on /dev/null if the parent closed it: a socket must not get its number."""
    import os

    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)

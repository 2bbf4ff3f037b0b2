"""The command `aigw`. `command_table.py` has its commands; each has a file, and imports what it needs when it runs."""

from __future__ import annotations

import typer

from aigw.cli.command_table import COMMANDS, SETTINGS
from aigw.cli.listed_commands import listing

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
    _speak_utf8()
    _check_folder()
    try:
        app()
    except OSError as error:
        _check_output(error)
        raise


def _open_standard_files() -> None:
    """Opens stdin, stdout or stderr on /dev/null if the parent closed it: a socket must not get its number."""
    import os
    import sys

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _speak_utf8() -> None:
    """Pipes are in UTF-8, on Windows as elsewhere: a model may say anything, and what is piped in is read as it is."""
    import io
    import sys

    if sys.platform == "win32":
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8")


def _check_folder() -> None:
    """Exits if the current folder was removed: no command could say where its files are."""
    from pathlib import Path

    from aigw.cli.terminal.output import FAILURE

    try:
        Path.cwd()
    except FileNotFoundError:
        typer.echo("aigw: the current folder was removed; change to one that is there", err=True)
        raise SystemExit(FAILURE) from None


def _check_output(error: OSError) -> None:
    """Says that stdout or stderr takes no more, and exits, if that is what happened."""
    import errno
    import sys
    from contextlib import suppress

    from aigw.cli.terminal.output import FAILURE, drop

    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
    if error.filename is not None or error.errno not in full:
        return
    drop(sys.stdout)
    with suppress(OSError):
        typer.echo(f"aigw: the output cannot be written: {error.strerror}", err=True)
    drop(sys.stderr)
    raise SystemExit(FAILURE) from None

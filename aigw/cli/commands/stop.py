"""`aigw stop`: ends gateways that run here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Json
from aigw.cli.sources.completion import complete_gateway
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_sentence

if TYPE_CHECKING:
    from aigw.server.register import Entry


def stop(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="ADDRESS|PID",
            help="Its address, port or process; default: the only one, or that of this folder.",
            autocompletion=complete_gateway,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that `aigw status` shows.")] = False,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long it may take.")] = 30.0,
    as_json: Json = False,
) -> None:
    """End a gateway as Ctrl-C does, and wait for it.

    Answers in flight get the time that `aigw serve --grace` gives them. The exit code is 0 if nothing is left to stop,
    1 if one does not end in time or there is none at this address, 2 if several could be meant.

    Example: aigw stop 127.0.0.1:4700
    """
    import os
    import sys

    from aigw.cli.sources.gateways import end
    from aigw.server.register import NOT_KEPT, running

    if sys.platform == "win32":
        fail("stop", NOT_KEPT)
    if every and which is not None:
        fail("stop", "choose one of --all and an address", USAGE)
    try:
        found = _to_end(running(os.environ), which, every=every)
    except OSError as error:
        fail("stop", str(error))
    late = end(found, wait)
    if as_json:
        say_json([{"url": each.url, "pid": each.pid, "stopped": each not in late} for each in found])
    for each in [] if as_json else found:
        if each not in late:
            say_sentence(f"{each.url} has stopped (pid {each.pid})")
    for each in late:
        say_sentence(f"aigw stop: {each.url} (pid {each.pid}) has not ended after {wait:g} s", err=True)
    if not found and not as_json:
        say_sentence("No gateway runs here, so there is nothing to stop.")
    if late:
        raise typer.Exit(FAILURE)


def _to_end(entries: list[Entry], which: str | None, *, every: bool) -> list[Entry]:
    """Returns the gateways to end. Fails if the command line does not make clear which ones."""
    import os
    from pathlib import Path

    from aigw.cli.sources.gateways import named, with_state
    from aigw.cli.sources.usage_feed import state_folder

    if every or (which is None and len(entries) <= 1):
        return entries
    if which is not None:
        found = named(entries, which)
    else:
        here = [each for each in entries if each.folder == os.fspath(Path.cwd())]
        found = with_state(entries, state_folder(None)) or here
    there = ", ".join(f"{each.url} (pid {each.pid})" for each in entries) or "none"
    if which is not None and not found:
        fail("stop", f"no gateway of yours runs at {which}; there are: {there}")
    if len(found) != 1:
        fail("stop", f"several gateways run here; say which, or --all: {there}", USAGE)
    return found

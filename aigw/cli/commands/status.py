"""`aigw status`: which gateways run here."""

from __future__ import annotations

import typer

from aigw.cli.options import Json
from aigw.cli.terminal.output import fail, say_json, say_sentence, say_text

NOTHING_RUNS = 3
"""The exit code if no gateway runs, the same as that of `systemctl status` for a program that does not run."""


def status(as_json: Json = False) -> None:
    """Show the gateways that run here, and since when.

    They are those of `aigw serve` and `aigw run` that you have started on this machine. Requests are those that came
    since the start, to all gateways with the same state folder. The exit code is 0 if one runs, 3 if none does.

    Example: aigw status
    """
    import os
    import sys
    import time

    from aigw.cli.sources.gateways import gateways
    from aigw.cli.views.status import data, lines
    from aigw.server.register import NOT_KEPT

    if sys.platform == "win32":
        fail("status", NOT_KEPT)
    try:
        found = gateways(os.environ)
    except OSError as error:
        fail("status", str(error))
    if as_json:
        say_json([data(each) for each in found])
    elif not found:
        say_sentence("No gateway runs here: `aigw serve` starts one.")
    else:
        for each in found:
            for line in lines(each, time.time()):
                say_text(line)
    if not found:
        raise typer.Exit(NOTHING_RUNS)

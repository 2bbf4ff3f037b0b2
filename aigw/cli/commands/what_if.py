"""`aigw what-if`: what would have become of recorded calls with another configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Json
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence, say_text, width

if TYPE_CHECKING:
    from aigw.cli.sources.what_if import Supposition


def what_if(
    config: Annotated[Path, typer.Argument(metavar="FILE", help="The other configuration.")],
    recordings: Annotated[Path, typer.Option(metavar="DIR", help="The recorded calls.")],
    as_json: Json = False,
) -> None:
    """Say what a configuration would do to recorded calls.

    It shows which calls would be refused or limited, sent to another provider or model, or answered from the cache, and
    what all of them would cost with the recorded tokens. Nothing is sent, kept or counted: caches, counters and quotas
    begin empty, and the time is that of the recordings.

    Example: aigw what-if new.yaml --recordings recordings
    """
    from aigw.cli.views.what_if import lines, plain_supposition

    found = _supposed(config, recordings)
    if as_json:
        say_json(plain_supposition(found))
        return
    for line in lines(found, str(config), width()):
        say_text(line)


def _supposed(config: Path, recordings: Path) -> Supposition:
    import asyncio
    import logging
    import os

    from aigw.cli.sources.what_if import suppose
    from aigw.cli.terminal.steps import Steps
    from aigw.core.errors import ConfigError
    from aigw.traffic.format.folder import RecordingError

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    steps = Steps("calls")
    try:
        with steps:
            return asyncio.run(suppose(config, recordings, os.environ, steps))
    except ConfigError as error:
        fail("what-if", error.findings, USAGE)
    except RecordingError as error:
        fail("what-if", str(error))
    except KeyboardInterrupt:
        say_sentence(f"aigw what-if: stopped after {steps.done:,} of {steps.total:,} calls", err=True)
        raise

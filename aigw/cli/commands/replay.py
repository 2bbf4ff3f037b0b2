"""`aigw replay DIR`: sends recorded requests again as a client, and says what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.terminal.said import FAILURE, USAGE, fail, say_json, say_sentence, say_text, width

if TYPE_CHECKING:
    from aigw.cli.sources.replaying import Replayed, Wanted

FAIL_IF = "errors>+0%"


def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The recordings.")],
    against: Annotated[
        str,
        typer.Option(metavar="URL|ROUTE", help="A server, or a route of the configuration; default: its gateway."),
    ] = "",
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Another model than the recorded ones.")] = "",
    speed: Annotated[
        float, typer.Option(min=0, metavar="N", help="Keep the gaps, N times as fast as recorded; 0: no gaps.")
    ] = 0.0,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Sessions at the same time.")] = 4,
    fail_if: Annotated[
        str, typer.Option(metavar="CONDITIONS", help="When to exit with 1: cost, errors, changed, tokens, latency.")
    ] = FAIL_IF,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record it anew into this folder, for `aigw diff`.")
    ] = None,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Send recorded requests again, as their clients did.

    They go through a gateway that is started for it, with the configuration and the state that `aigw serve` uses, or to
    a server that speaks the same API. Its key is that of the environment (OPENAI_API_KEY, ..., AIGW_KEY). It tells each
    call whose answer is another one, and what changed in tokens, cost and time.

    Example: aigw replay recordings --fail-if "cost>+10%,errors>0"
    """
    from aigw.cli.sources.replaying import Wanted
    from aigw.cli.views.replay import failed, lines, plain_replay
    from aigw.traffic.condition import conditions

    try:
        worse = conditions(fail_if)
    except ValueError as error:
        fail("replay", f"--fail-if: {error}", USAGE)
    if record is not None and "://" in against:
        fail("replay", "--record needs a gateway of this configuration; leave out --against", USAGE)
    found = _replayed(Wanted(folder, against, model, speed, concurrency, record, config, recipe))
    reasons = failed(found, worse)
    if as_json:
        say_json(plain_replay(found, reasons))
    else:
        for line in lines(found, width()):
            say_text(line)
    for reason in reasons:
        say_sentence(f"aigw replay: {reason}", err=True)
    if reasons:
        raise typer.Exit(FAILURE)


def _replayed(wanted: Wanted) -> Replayed:
    import asyncio
    import logging
    import os

    from aigw.cli.sources.replaying import replayed
    from aigw.cli.views.steps import Steps
    from aigw.core.errors import ConfigError
    from aigw.traffic.folder import RecordingError

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    steps = Steps("calls")
    try:
        with steps:
            return asyncio.run(replayed(wanted, os.environ, steps))
    except ConfigError as error:
        fail("replay", error.findings, USAGE)
    except ValueError as error:
        fail("replay", str(error), USAGE)
    except RecordingError as error:
        fail("replay", str(error))
    except KeyboardInterrupt:
        say_sentence(f"aigw replay: stopped after {steps.done:,} of {steps.total:,} calls", err=True)
        raise

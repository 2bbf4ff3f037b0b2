"""`aigw replay DIR`: sends recorded requests again as a client, and says what changed. `aigw replay lint A B`: what
varies between two recordings of one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.sources.completion import complete_model
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.default_command import with_default
from aigw.cli.terminal.failures import failing
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_sentence, say_text, width

if TYPE_CHECKING:
    from aigw.cli.sources.replay import Replayed, ReplayOptions

FAIL_IF = "errors>+0%"


def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The recordings.")],
    against: Annotated[
        str,
        typer.Option(metavar="URL|ROUTE", help="A server, or a route of the configuration; default: its gateway."),
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            "--model", metavar="NAME", help="Another model than the recorded ones.", autocompletion=complete_model
        ),
    ] = "",
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

    They go through a gateway that is started here, with the configuration and the state that `aigw serve` uses, or to a
    server that speaks the same API. Its key comes from the environment (OPENAI_API_KEY, ..., AIGW_KEY). The report has
    each call whose answer differs, and the changes in tokens, cost and time.

    `aigw replay lint A B` says what varies between two recordings of the same run, and how to declare it.

    Example: aigw replay recordings --fail-if "cost>+10%,errors>0"
    """
    from aigw.cli.sources.replay import ReplayOptions
    from aigw.cli.views.replay import failed, lines, plain_replay
    from aigw.traffic.runs.condition import conditions

    try:
        worse = conditions(fail_if)
    except ValueError as error:
        fail("replay", f"--fail-if: {error}", USAGE)
    if record is not None and "://" in against:
        fail("replay", "--record needs a gateway of this configuration; leave out --against", USAGE)
    choice = config_choice("replay", config, recipe)
    found = _replayed(ReplayOptions(folder, against, model, speed, concurrency, record, choice))
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


def _replayed(wanted: ReplayOptions) -> Replayed:
    import asyncio
    import logging
    import os

    from aigw.cli.sources.replay import replayed
    from aigw.cli.terminal.steps import Steps

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    steps = Steps("calls")
    try:
        with failing("replay"), steps:
            return asyncio.run(replayed(wanted, os.environ, steps))
    except KeyboardInterrupt:
        say_sentence(f"aigw replay: stopped after {steps.done:,} of {steps.total:,} calls", err=True)
        raise


app = typer.Typer(
    cls=with_default(replay),
    help="Send recorded requests again, as their clients did.",
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


@app.command("lint", epilog="Example: aigw replay lint recordings/one recordings/two")
def lint(
    old: Annotated[Path, typer.Argument(metavar="A", help="The recordings of a run.")],
    new: Annotated[Path, typer.Argument(metavar="B", help="Those of the same run, once more.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say what varies between two recordings of one run.

    It proposes the rules of `record.volatile` that make the requests the same. The rules that the configuration has
    already are applied. The exit code is 1 if something varies."""
    import os

    from aigw.cli.sources.lint import linted
    from aigw.cli.views.lint import lines, plain_lint
    from aigw.core.errors import ConfigError
    from aigw.traffic.format.folder import RecordingError

    try:
        found = linted(old, new, config, os.environ)
    except ConfigError as error:
        fail("replay lint", error.findings, USAGE)
    except RecordingError as error:
        fail("replay lint", str(error), USAGE)
    if as_json:
        say_json(plain_lint(found))
    else:
        for line in lines(found, width()):
            say_text(line)
    if found.varying:
        raise typer.Exit(FAILURE)

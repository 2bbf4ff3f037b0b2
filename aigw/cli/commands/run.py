"""`aigw run`: a gateway for one command, from its start to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import (
    Auto,
    Config,
    FaultShares,
    FramingNames,
    Match,
    MaxDivergence,
    Model,
    Record,
    Refresh,
    Replay,
    Seed,
    ServedRecipe,
    Speed,
)
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.failures import failing
from aigw.cli.terminal.output import FAILURE, fail, say_sentence, say_text

if TYPE_CHECKING:
    from aigw.cli.sources.private_gateway import PrivateGatewayOptions
    from aigw.cli.sources.run_calls import ProgramCalls
    from aigw.traffic.replay.report import Report

INTERRUPTED = 130
_REPORTS = "Reports"


def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The command and its arguments.")],
    config: Config = None,
    recipe: ServedRecipe = None,
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, metavar="PORT", help="The port; 0: a free one.")
    ] = 0,
    model: Model = "",
    max_usd: Annotated[
        float | None, typer.Option(min=0, metavar="USD", help="What its calls may cost; replayed ones count, too.")
    ] = None,
    record: Record = None,
    replay: Replay = None,
    auto: Auto = None,
    refresh: Refresh = None,
    match: Match = None,
    speed: Speed = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="More calls than were recorded are misses; all must be used.", rich_help_panel="Recordings"
        ),
    ] = False,
    max_divergence: MaxDivergence = None,
    framing: FramingNames = None,
    faults: FaultShares = None,
    seed: Seed = 0,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JUnit's XML, a test case a call.", rich_help_panel=_REPORTS)
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="What became of its calls, as JSON.", rich_help_panel=_REPORTS),
    ] = None,
) -> None:
    """Run a command behind a gateway of its own: tests and CI.

    The command finds it by OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL and others; AIGW_URL has its
    address. `claude`, `codex`, `gemini`, `opencode`, `copilot`, `qwen` and `pi` get what each of them needs, too,
    whatever their settings say. In replay nothing goes upstream and no key is needed. The exit status is that of the
    command; it is 1 if the command ended well, but a call had no recording or a budget refused it, also if the command
    went on without the answer. At the end, stderr says how many calls there were, how many failed, and what they cost;
    warnings wait for that while the command draws on the terminal. With GITHUB_ACTIONS, misses are annotations. If aigw
    itself is killed (kill -9), the command goes on without a gateway.

    Example: aigw run --replay recordings -- pytest
    """
    import asyncio
    import logging
    import os

    from aigw.cli.sources.child import NOT_FOUND, CommandError
    from aigw.cli.sources.child_client import remedy
    from aigw.cli.sources.private_gateway import PrivateGatewayOptions
    from aigw.cli.sources.recordings import chosen_recordings
    from aigw.cli.sources.run_calls import ProgramCalls
    from aigw.cli.terminal.log import LogThread
    from aigw.server.framing import Framing

    choice = config_choice("run", config, recipe)
    with failing("run"):
        recordings = chosen_recordings(
            record, replay, auto, refresh, match, speed, strict, max_divergence, faults, seed
        )
        framed = Framing(framing) if framing is not None else None
    log = LogThread(shares_terminal=True)
    logging.basicConfig(level=logging.WARNING, handlers=[log])
    wanted = PrivateGatewayOptions(dict(os.environ), choice, model, port, recordings, max_usd, framed)
    calls = ProgramCalls()
    try:
        with failing("run"):
            status, report = asyncio.run(_ran(wanted, command, calls))
    except CommandError as error:
        fail("run", f"{error}{remedy(command) if error.code == NOT_FOUND else ''}", error.code)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    log.close()  # what waited for the end of the command comes before the sum
    raise typer.Exit(_reported(calls, report, status, strict=strict, junit=junit, summary=summary))


async def _ran(wanted: PrivateGatewayOptions, command: list[str], calls: ProgramCalls) -> tuple[int, Report]:
    """Returns the exit status of the command, and what became of its calls."""
    from aigw.cli.sources.child import run_child
    from aigw.cli.sources.child_client import child_client
    from aigw.cli.sources.configuration import origin
    from aigw.cli.sources.private_gateway import private_gateway
    from aigw.cli.sources.registration import registered
    from aigw.traffic.replay.report import Report

    async with private_gateway(wanted, calls.note) as gateway:
        named, keeps = origin(wanted.choice), not gateway.replays
        entry = registered(gateway.url, gateway.loaded, named, wanted.env, keeps=keeps, command="run")
        with entry, child_client(command, wanted.env, gateway) as child:
            for note in [*gateway.notes, *child.notes]:
                say_sentence(f"aigw run: note: {note}", err=True)
            status = await run_child(child.command, child.env)
    return status, gateway.recordings.report if gateway.recordings is not None else Report()


def _reported(
    calls: ProgramCalls, report: Report, status: int, *, strict: bool, junit: Path | None, summary: Path | None
) -> int:
    """Says what became of the calls, and returns the exit status."""
    import json
    import os

    from aigw.cli.views.junit import junit as as_junit
    from aigw.cli.views.run import as_data, problems, said, workflow_errors

    why = problems(calls, report, all_used=strict)
    code = status or (FAILURE if why else 0)
    for text in said(calls, report, why):
        say_text(text, err=True)
    if os.environ.get("GITHUB_ACTIONS"):
        for line in workflow_errors(report, why):
            say_text(line, err=True)
    if junit is not None:
        code = _written(junit, as_junit(calls, report, why, all_used=strict), code)
    if summary is not None:
        code = _written(summary, json.dumps(as_data(calls, report, why, status, code), indent=2).encode() + b"\n", code)
    return code


def _written(path: Path, content: bytes, code: int) -> int:
    """Writes a report, and returns the exit status: it is another one if that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        say_sentence(f"aigw run: {path}: cannot be written: {error.strerror or error}", err=True)
        return code or FAILURE
    return code

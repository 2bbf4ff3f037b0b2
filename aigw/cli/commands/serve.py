"""`aigw serve`: runs the gateway until a signal stops it."""

from __future__ import annotations

from enum import Enum
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
    Strict,
)
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.failures import failing
from aigw.cli.terminal.output import FAILURE, USAGE, fail

if TYPE_CHECKING:
    from aigw.books.request_log import Show
    from aigw.books.usage_row import UsageRow
    from aigw.cli.process import ServeOptions
    from aigw.cli.sources.tally import Tally
    from aigw.cli.terminal.log import LogThread
    from aigw.core.exchange import Exchange


class LogFormat(Enum):
    TEXT = "text"
    JSON = "json"


def serve(
    config: Config = None,
    recipe: ServedRecipe = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Address and port; default: as configured, else 127.0.0.1:4700."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=0, max=65535, metavar="PORT", help="Only the port; 0: a free one.")
    ] = None,
    model: Model = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen on an address that others can reach, without keys.")
    ] = False,
    grace: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Seconds that answers in flight get when it stops.")
    ] = 5.0,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes that share the port; for many streams at once.")
    ] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="Keep what every plugin did; `aigw trace` shows it.")] = False,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Keep requests in memory for the page also while nobody looks.")
    ] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="How requests and messages are logged on stderr; default: text.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log nothing but warnings.")] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="One JSON line when it is ready, for scripts; no lines of requests.")
    ] = False,
    record: Record = None,
    replay: Replay = None,
    auto: Auto = None,
    refresh: Refresh = None,
    match: Match = None,
    speed: Speed = None,
    strict: Strict = False,
    max_divergence: MaxDivergence = None,
    framing: FramingNames = None,
    faults: FaultShares = None,
    seed: Seed = 0,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Serve one address for all providers.

    Without a configuration file it uses the providers whose keys are in the environment (OPENAI_API_KEY, ...), a
    running Ollama, and the built-in models echo and mock. A change to the file, or to the .env beside it, takes effect
    at once. It prints a line for each request: time, status, model, tokens in and out, USD, time to the first token,
    time to the end.

    Example: aigw serve --config aigw.yaml
    """
    import logging
    import os

    from aigw.server.process_limits import allow_more_files, too_small

    allow_more_files()
    if missing := too_small():
        fail("serve", missing)
    choice = config_choice("serve", config, recipe)
    if listen is not None and port is not None:
        fail("serve", "choose one of --listen and --port", USAGE)

    from aigw.cli.sources.recordings import chosen_recordings
    from aigw.server.framing import Framing

    with failing("serve"):
        recordings = chosen_recordings(
            record, replay, auto, refresh, match, speed, strict, max_divergence, faults, seed
        )
        framed = Framing(framing) if framing is not None else None
    if recordings.mode is not None and workers > 1:
        fail("serve", f"--{recordings.mode} needs a single process; leave out --workers", USAGE)

    from aigw.cli.process import ServeOptions
    from aigw.cli.sources.tally import Tally
    from aigw.cli.terminal.log import LogThread
    from aigw.server.start import Overrides

    log = LogThread(as_json=log_format is LogFormat.JSON)
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[log])
    tally = None if quiet or (json_output and log_format is None) else Tally()
    options = ServeOptions(
        choice,
        Overrides(listen, port, model),
        dict(os.environ),
        insecure=insecure,
        grace=grace,
        json_output=json_output,
        trace=trace,
        inspect=inspect,
        show=_show(log, tally, as_json=log_format is LogFormat.JSON) if tally is not None else None,
        tally=tally,
        say=logging.getLogger("aigw").info if log_format is LogFormat.JSON else log.last,
        recordings=recordings,
        framing=framed,
    )
    if code := _served(options, workers, worker=worker):
        raise typer.Exit(code)


def _served(options: ServeOptions, workers: int, *, worker: bool) -> int:
    """Serves until a signal comes, and returns the exit code. If it fails, says what went wrong and exits."""
    import asyncio

    from aigw.cli.process import serve_alone, serve_together, serve_worker
    from aigw.cli.sources.address_probe import taken
    from aigw.core.errors import AddressError, ConfigError
    from aigw.traffic.format.folder import RecordingError

    try:
        import uvloop as loops
    except ImportError:
        import asyncio as loops  # type: ignore[no-redef]
    try:
        if workers > 1 and not worker:
            return asyncio.run(serve_together(options, workers))
        with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
            return runner.run(serve_worker(options) if worker else serve_alone(options))
    except ConfigError as error:
        fail("serve", error.findings, USAGE)
    except AddressError as error:
        fail("serve", (error.taken and taken(*error.taken)) or str(error))
    except RecordingError as error:
        fail("serve", str(error))
    except MemoryError:
        fail("serve", "there is no memory left; raise the limit with ulimit -v, or that of the container")
    except BrokenPipeError:
        raise typer.Exit(FAILURE) from None  # the parent has closed the pipe


def _show(log: LogThread, tally: Tally, *, as_json: bool) -> Show:
    """Shows each request as a line of the log, and counts it."""
    from aigw.books.access_log import as_json as encoded
    from aigw.cli.views.request_line import line

    def show(row: UsageRow, exchange: Exchange) -> None:
        tally.add(row)
        log.write(encoded(row, exchange).decode() if as_json else line(row, exchange, log.width()))

    return show

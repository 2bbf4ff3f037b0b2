"""`aigw serve`: runs the gateway until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_FILE = Path("aigw.yaml")
BAD_CONFIG = 2


def serve(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration; default: aigw.yaml here, if there is one.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="Address and port; default: as configured, else 127.0.0.1:4700.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen on an address that others can reach, without keys.")
    ] = False,
    grace: Annotated[float, typer.Option(min=0, help="Seconds that answers in flight get when it stops.")] = 5.0,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes that share the port; for many streams at once.")
    ] = 1,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON line when it is ready, for scripts.")] = False,
    worker: Annotated[bool, typer.Option("--worker", hidden=True)] = False,
) -> None:
    """Serve one address for all providers.

    Without a configuration file it uses the providers whose keys are in the environment (OPENAI_API_KEY, ...), a
    running Ollama, and the built-in models echo and mock. A change to the file, or to the .env beside it, takes effect
    at once.

    Example: aigw serve --config aigw.yaml
    """
    import asyncio
    import logging
    import os

    from aigw.cli.log import LogThread
    from aigw.cli.process import Options, serve_alone, serve_together, serve_worker
    from aigw.core.errors import AddressError, ConfigError

    logging.basicConfig(level=logging.INFO, handlers=[LogThread()])
    try:
        import uvloop as loops
    except ImportError:
        import asyncio as loops  # type: ignore[no-redef]
    if config is None and DEFAULT_FILE.exists():
        config = DEFAULT_FILE
    options = Options(config, listen, insecure, grace, json_output, dict(os.environ))
    try:
        if workers > 1 and not worker:
            raise typer.Exit(asyncio.run(serve_together(options, workers)))
        with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
            runner.run(serve_worker(options) if worker else serve_alone(options))
    except ConfigError as error:
        for finding in error.findings:
            typer.echo(finding, err=True)
        raise typer.Exit(BAD_CONFIG) from None
    except AddressError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except BrokenPipeError:
        raise typer.Exit(1) from None  # whoever started it does not listen any more

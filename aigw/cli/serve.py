"""`aigw serve`: runs the gateway until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aigw.config.load import Loaded
    from aigw.server.gateway import Running

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
    json_output: Annotated[bool, typer.Option("--json", help="One JSON line when it is ready, for scripts.")] = False,
) -> None:
    """Serve one address for all providers.

    Without a configuration file it uses the providers whose keys are in the environment (OPENAI_API_KEY, ...), a
    running Ollama, and the built-in models echo and mock.

    Example: aigw serve --config aigw.yaml
    """
    import asyncio
    import logging
    import os

    from aigw.cli.log import LogThread
    from aigw.core.errors import AddressError, ConfigError

    logging.basicConfig(level=logging.INFO, handlers=[LogThread()])
    try:
        import uvloop as loops
    except ImportError:
        import asyncio as loops  # type: ignore[no-redef]
    if config is None and DEFAULT_FILE.exists():
        config = DEFAULT_FILE
    try:
        with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
            runner.run(
                _serve(config, listen, insecure=insecure, grace=grace, json_output=json_output, env=dict(os.environ))
            )
    except ConfigError as error:
        for finding in error.findings:
            typer.echo(finding, err=True)
        raise typer.Exit(BAD_CONFIG) from None
    except AddressError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except BrokenPipeError:
        raise typer.Exit(1) from None  # whoever started it does not listen any more


async def _serve(
    config: Path | None, listen: str | None, *, insecure: bool, grace: float, json_output: bool, env: dict[str, str]
) -> None:
    import asyncio
    import gc
    import signal

    from aigw.server.gateway import run
    from aigw.server.start import load_or_discover
    from aigw.upstream.proxied import upstream_for

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    upstream = upstream_for(env)
    loaded, origin = await load_or_discover(config, env, upstream, listen)
    async with run(loaded, upstream, grace=grace, insecure=insecure) as running:
        gc.collect()
        gc.freeze()  # what is loaded by now stays: the collector need not look at it again
        (_announce_json if json_output else _announce)(loaded, running, origin)
        await stop.wait()


def _announce_json(loaded: Loaded, running: Running, origin: str) -> None:
    import json

    ready = {"url": running.url, "state": str(loaded.state_dir), "config": origin, "plugins": list(loaded.plugins)}
    print(json.dumps(ready), flush=True)


def _announce(loaded: Loaded, running: Running, origin: str) -> None:
    from aigw.server.start import describe

    for note in loaded.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(describe(loaded, running.url, origin))

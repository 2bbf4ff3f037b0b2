"""What the commands have in common that look into a gateway's stores: how these are opened, and what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import typer

from aigw.cli.options import DEFAULT_FILE

if TYPE_CHECKING:
    from aigw.config.load import Loaded
    from aigw.stores.base import Stores

T = TypeVar("T")


class Opened(NamedTuple):
    """`configs` are those of one plugin. `stores` are what the gateway with this configuration uses."""

    loaded: Loaded
    configs: list[Any]
    stores: Stores


@asynccontextmanager
async def opened(file: Path | None, plugin: str, *, recipe: str) -> AsyncIterator[Opened]:
    """`recipe` shows how the plugin is configured. Raises ConfigError."""
    import os

    from aigw.config.load import load
    from aigw.core.errors import ConfigError
    from aigw.server.stores import GatewayStores

    path = file or DEFAULT_FILE
    loaded = load(path, os.environ)
    found = loaded.plugins.get(plugin)
    if found is None:
        raise ConfigError([f"{path}: has no plugin {plugin}; `aigw recipes {recipe}` shows one"])
    stores = GatewayStores(loaded.state_dir, loaded.config.cache)
    try:
        configs = [each for each in found.rules.configs if each is not None]
        yield Opened(loaded, configs, stores.by(loaded.services))
    finally:
        await stores.aclose()


def run(command: str, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives. Says what went wrong, and exits."""
    import asyncio

    from aigw.config.report import EXIT_CODE
    from aigw.core.errors import ConfigError
    from aigw.stores.base import StoreError

    try:
        return asyncio.run(work)
    except ConfigError as error:
        for finding in error.findings:
            typer.echo(finding, err=True)
        raise typer.Exit(EXIT_CODE) from None
    except (ValueError, OSError, StoreError) as error:
        fail(command, str(error))


def fail(command: str, message: str, code: int = 1) -> NoReturn:
    typer.echo(f"aigw {command}: {message}", err=True)
    raise typer.Exit(code)

"""What the commands have in common that look into a gateway's stores: how these are opened, and what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from aigw.config.load import Loaded
    from aigw.core.stores import Stores

T = TypeVar("T")


class Opened(NamedTuple):
    """`configs` are those of one plugin. `stores` are what the gateway with this configuration uses."""

    loaded: Loaded
    configs: list[Any]
    stores: Stores


@asynccontextmanager
async def opened(config: Path | None, recipe: str | None, plugin: str, *, shown: str) -> AsyncIterator[Opened]:
    """Those of a file or of a recipe; the recipe `shown` shows how the plugin is configured. Raises ConfigError."""
    from aigw.cli.sources.configured import configured, origin
    from aigw.core.errors import ConfigError
    from aigw.server.stores import GatewayStores

    loaded = configured(config, recipe)
    found = loaded.plugins.get(plugin)
    if found is None:
        where = origin(config, recipe)
        raise ConfigError([f"{where}: has no plugin {plugin}; `aigw recipes {shown}` shows one"])
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
    from aigw.core.stores import StoreError

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

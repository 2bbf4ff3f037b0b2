"""Opens the stores of a gateway, for the commands that look into them, and says what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aigw.cli.terminal.output import USAGE, fail

if TYPE_CHECKING:
    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.config.load import Loaded
    from aigw.core.stores import Stores

T = TypeVar("T")


class Opened(NamedTuple):
    """`configs` are the configurations of one plugin. `stores` are those that a gateway with this configuration
    uses."""

    loaded: Loaded
    configs: list[Any]
    stores: Stores


@asynccontextmanager
async def opened(choice: ConfigChoice, plugin: str, *, shown: str) -> AsyncIterator[Opened]:
    """Opens the stores of the configuration that was chosen. Messages name the recipe `shown`, which shows how to
    configure the plugin. Raises ConfigError."""
    from aigw.cli.sources.configuration import configured
    from aigw.core.errors import ConfigError
    from aigw.server.stores import GatewayStores

    loaded = configured(choice, calls=False)
    found = loaded.plugins.get(plugin)
    if found is None:
        raise ConfigError([f"{choice.name}: has no plugin {plugin}; `aigw recipes {shown}` shows one"])
    stores = GatewayStores(loaded.state_dir, loaded.config.cache)
    try:
        configs = [each for each in found.rules.configs if each is not None]
        yield Opened(loaded, configs, stores.by(loaded.services))
    finally:
        await stores.aclose()


def run(command: str, work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` and returns its result. If it fails, says what went wrong and exits."""
    import asyncio

    from aigw.core.errors import ConfigError
    from aigw.core.retrieval import RetrievalError
    from aigw.core.stores import StoreError

    try:
        return asyncio.run(work)
    except ConfigError as error:
        fail(command, error.findings, USAGE)
    except ValueError as error:
        fail(command, str(error), USAGE)
    except (LookupError, RetrievalError, StoreError) as error:
        fail(command, str(error))
    except BrokenPipeError:  # nobody reads on: typer ends quietly
        raise
    except OSError as error:
        fail(command, f"{error.filename}: {error.strerror}" if error.filename else str(error))

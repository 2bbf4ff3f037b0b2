"""Opens the stores of a gateway, for the commands that look into them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.config.load import Loaded
    from aigw.core.stores import Stores


class OpenedStores(NamedTuple):
    """The stores of a gateway, opened for a command. `configs` are the configurations of one plugin. `stores` are those
    that a gateway with this configuration uses."""

    loaded: Loaded
    configs: list[Any]
    stores: Stores


@asynccontextmanager
async def opened_stores(choice: ConfigChoice, plugin: str, *, shown: str) -> AsyncIterator[OpenedStores]:
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
        yield OpenedStores(loaded, configs, stores.by(loaded.services))
    finally:
        await stores.aclose()

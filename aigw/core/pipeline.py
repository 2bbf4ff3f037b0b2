"""Which plugins a request meets: the chain of its route, and of its Host where a plugin's rules look at that.

Plugins are built once, at start; a chain is composed when it is first needed and kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Protocol

from aigw.core.env import Env
from aigw.core.model import Route
from aigw.core.plugin import Next, Plugin, PluginModule, compose

MAX_CHAINS = 1024
"""Chains by Host are kept up to this number, so that made-up hosts cannot fill the memory."""


class Rules(Protocol):
    """Which of a plugin's configurations applies. `aigw.config.rules.PluginRules` is one."""

    @property
    def configs(self) -> Sequence[Any]: ...

    def select(self, route: str, host: str, service: str) -> int | None: ...

    def depends_on_host(self, route: str, service: str) -> bool: ...


class Configured(Protocol):
    """One plugin of a configuration. `aigw.config.plugins.LoadedPlugin` is one."""

    @property
    def name(self) -> str: ...

    @property
    def module(self) -> PluginModule: ...

    @property
    def rules(self) -> Rules: ...


class Chain(NamedTuple):
    """What a request goes through. `bare`: no plugin takes part, so that nobody needs to read its body."""

    call: Next
    bare: bool


class Pipeline:
    """The chains of all routes. `plugins` are in the order in which they see a request."""

    def __init__(self, plugins: Sequence[Configured], terminal: Next) -> None:
        self._configured = plugins
        self._terminal = terminal
        self._instances: dict[tuple[str, int], Plugin] = {}
        self._chains: dict[tuple[str, str], Chain] = {}
        self._by_host: dict[str, bool] = {}

    async def open(self, env: Env, stack: AsyncExitStack) -> None:
        """Builds every plugin configuration; `stack` cleans them up."""
        for each in self._configured:
            for index, config in enumerate(each.rules.configs):
                if config is not None:
                    plugin = await stack.enter_async_context(each.module.build(config, env))
                    self._instances[each.name, index] = plugin

    def chain(self, route: Route, host: str) -> Chain:
        """What a request on `route` to `host` goes through."""
        by_host = self._by_host.get(route.name)
        if by_host is None:
            by_host = any(each.rules.depends_on_host(route.name, route.service) for each in self._configured)
            self._by_host[route.name] = by_host
        key = (route.name, host if by_host else "")
        chain = self._chains.get(key)
        if chain is None:
            if len(self._chains) >= MAX_CHAINS:
                self._chains.clear()
            plugins = self._plugins(route, host)
            chain = self._chains[key] = Chain(compose(plugins, self._terminal), bare=not plugins)
        return chain

    def _plugins(self, route: Route, host: str) -> list[Plugin]:
        chosen = [(each.name, each.rules.select(route.name, host, route.service)) for each in self._configured]
        return [self._instances[name, index] for name, index in chosen if index is not None]

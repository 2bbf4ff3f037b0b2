"""Composes the chain of plugins for a request. It depends on the route, and on the Host if the rules of a plugin do.

All plugins are built once, at start. A chain is composed when the first request needs it, and is then kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple, Protocol

from aigw.core.authority import host_of
from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.model import Route
from aigw.core.plugin import COLLECTION, About, Behind, Next, PerChain, Plugin, compose
from aigw.core.retrieval import Retrieval
from aigw.pipeline.rerouting import NOWHERE, Find, Rerouting
from aigw.trace.tracer import Applied

MAX_CHAINS = 1024
"""The number of chains of hosts that are kept. It is limited so that clients cannot fill the memory with invented
hosts. Those that do not depend on the host are kept in any number: they are as many as the configuration has."""


class Rules(Protocol):
    """Tells which of a plugin's configurations applies. `aigw.config.rules.PluginRules` is one."""

    @property
    def configs(self) -> Sequence[Any]: ...

    def select(self, route: str, host: str, service: str) -> int | None: ...

    def why(self, index: int) -> Mapping[str, Any]: ...

    def depends_on_host(self, route: str, service: str) -> bool: ...


class Configured(Protocol):
    """One plugin of a configuration. `aigw.config.plugins.LoadedPlugin` is one."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> About[Any]: ...

    @property
    def rules(self) -> Rules: ...


class Composer(Protocol):
    """Makes the chains, in place of `core.plugin.compose`. `aigw.trace.tracer.Tracer` is one."""

    def compose(self, plugins: Sequence[Applied], absent: Sequence[str], terminal: Next) -> Next:
        """Returns the chain of `plugins`, the first one outermost, that ends in `terminal`. `absent` are the configured
        plugins that do not take part."""
        ...


Chosen = tuple[Configured, int]
"""A plugin of a chain, and the index of the configuration that it uses in this chain."""


def select(configured: Sequence[Configured], route: Route, host: str, *, own: bool = False) -> list[Chosen]:
    """Returns the plugins that take part in a chain, outermost first. A stand-in has only those that let callers in:
    others are for requests to models. `own` is for questions of the gateway itself, which have no key."""
    possible = [each for each in configured if not route.is_standin or each.about.place.phase == "AUTHN"]
    possible = [each for each in possible if not (own and each.about.identifies)]
    chosen = [(each, each.rules.select(route.name, host, route.service)) for each in possible]
    return [(each, index) for each, index in chosen if index is not None]


def behind_of(chosen: Sequence[Chosen], route: Route, services: Services, retrieval: Retrieval | None = None) -> Behind:
    """Describes the `chosen` plugins and the route for the plugin that comes before them. Of the collections that
    plugins search it tells the versions."""
    configs = [(each, each.rules.configs[index]) for each, index in chosen]
    found = {each.name: each.about.identity(config, services) for each, config in configs}
    target = route.target
    place = None if target is None else [str(target.origin), target.authority]
    identities = {name: value for name, value in found.items() if value is not None} | {"route": place}
    searched = {name for each, config in configs for name in each.about.searches(config, services)}
    if searched and retrieval is not None:
        identities |= {f"{COLLECTION}{name}": partial(retrieval.version, name) for name in sorted(searched)}
    return Behind(identities, frozenset().union(*(each.about.withholds(config) for each, config in configs)))


class Chain(NamedTuple):
    """The chain of a route. `call` runs all of its plugins. `bare` is true if there are none, so that the body of a
    request need not be read. `parses` is false if no plugin looks into the body. `watched` is the same chain for a
    request whose details somebody wants to see, None if details are never kept."""

    call: Next
    bare: bool
    parses: bool
    watched: Next | None = None

    def of(self, exchange: Exchange) -> Next:
        """The way on for a request that another chain has begun: it stays watched."""
        return self.call if self.watched is None or exchange.trace is None else self.watched


class Pipeline:
    """Has the chains of all routes. `plugins` are in the order in which they see a request. If there is a `composer`,
    it makes the chains; a `watcher` makes those that are watched. `host_form` makes of a request's Host what the rules
    compare."""

    def __init__(
        self,
        plugins: Sequence[Configured],
        terminal: Next,
        composer: Composer | None = None,
        host_form: Callable[[str], str] = host_of,
        watcher: Composer | None = None,
    ) -> None:
        self._configured = plugins
        self._terminal = terminal
        self._composer = composer
        self._watcher = watcher
        self._host_form = host_form
        self._built: dict[tuple[str, int], Plugin | PerChain] = {}
        self._chains: dict[tuple[str, str, str, bool], Chain] = {}
        self._of_hosts = 0
        """How many of the chains depend on a host."""
        self._find: Find | None = None
        self._by_host: dict[str, bool] = {}
        self._env: Env
        """What the plugins were built with. Set by `open`."""

    async def open(self, env: Env, stack: AsyncExitStack) -> None:
        """Builds a plugin for every configuration. `stack` closes them later."""
        self._env = env
        for each in self._configured:
            for index, config in enumerate(each.rules.configs):
                if config is not None:
                    built = await stack.enter_async_context(each.about.build(config, env))
                    self._built[each.name, index] = built

    def reroute(self, find: Find) -> Chain | None:
        """Lets `find` choose the route again after a plugin that sets headers for it. Returns the chain for requests
        that no route matches before these plugins, or None if there are no such plugins."""
        self._find = find
        chosen = [each.rules.select(NOWHERE.name, "", "") for each in self._configured if each.about.reroutes]
        return self.chain(NOWHERE, "") if any(index is not None for index in chosen) else None

    def provides(self, route: Route, host: str) -> bool:
        """Whether a plugin on this route has providers."""
        chosen = select(self._configured, route, self._host_form(host))
        return any(each.about.describes(each.rules.configs[index]).providers for each, index in chosen)

    def chain(self, route: Route, host: str, behind: str = "", *, own: bool = False) -> Chain:
        """Returns the chain of a route and a host. If `behind` names a plugin, the chain has only the plugins after
        it. `own` is for questions of the gateway itself."""
        by_host = self._by_host.get(route.name)
        if by_host is None:
            by_host = any(each.rules.depends_on_host(route.name, route.service) for each in self._configured)
            self._by_host[route.name] = by_host
        host = self._host_form(host) if by_host else ""
        key = (route.name, host, behind, own)
        chain = self._chains.get(key)
        if chain is None:
            self._make_room(host)
            chain = self._compose(self._plugins(route, host, behind, own=own))
            if route.is_standin:
                chain = chain._replace(bare=False, parses=False)
            self._chains[key] = chain
        return chain

    def _make_room(self, host: str) -> None:
        if host:
            self._of_hosts += 1
        if self._of_hosts > MAX_CHAINS:
            self._chains = {key: chain for key, chain in self._chains.items() if not key[1]}
            self._of_hosts = 1

    def _plugins(self, route: Route, host: str, behind: str, *, own: bool) -> list[Applied]:
        names = [each.name for each in self._configured]
        rest = self._configured[names.index(behind) + 1 if behind else 0 :]
        chosen = select(rest, route, host, own=own)
        plugins = []
        for position, (each, index) in enumerate(chosen):
            built = self._built[each.name, index]
            if isinstance(built, PerChain):
                built = built.make(behind_of(chosen[position + 1 :], route, self._env.services, self._env.retrieval))
            plugins.append(Applied(each.name, built, each.rules.why(index)))
            if self._find is not None and each.about.reroutes:
                plugins.append(Applied("", self._rerouting(each.name, self._find, own=own), {}))
        return plugins

    def _rerouting(self, behind: str, find: Find, *, own: bool) -> Rerouting:
        return Rerouting(find, lambda route, host: self.chain(route, host, behind, own=own))

    def _compose(self, plugins: list[Applied]) -> Chain:
        present = {each.name for each in plugins}
        absent = [each.name for each in self._configured if each.name not in present]
        call = compose([each.plugin for each in plugins], self._terminal)
        if self._composer is not None:
            call = self._composer.compose(plugins, absent, self._terminal)
        watched = self._watcher.compose(plugins, absent, self._terminal) if self._watcher is not None else None
        return Chain(call, not plugins, bool(plugins), watched)

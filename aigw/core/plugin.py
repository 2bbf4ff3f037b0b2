"""What a plugin is.

A plugin's file holds `Config` (a msgspec Struct), `build(config, env)` (an async context manager: before the yield it
provisions, after it it cleans up) and the plugin: an async callable that answers itself or calls the next one in. It
may hold `check(config)`, which lists `Problem`s beyond the types, `INHERITS` (default False): whether a rule starts as
a copy of the global config, `REROUTES` (default False): whether the route is chosen again behind it, and
`identity(config, services)`: what of a config decides about answers, as JSON (default: all of it; None: nothing), and
`arrange(rules, default)`: the configs of the rules and the global one, where one depends on whether there are others.

A plugin that must know what stands behind it defines `placed(after)`. It is called for every chain, with the
identities behind it by plugin and that of the route, and gives the plugin for that chain.

    async def __call__(self, exchange, call_next):
        ...                                   # look at or change exchange.request
        reply = await call_next(exchange)     # or answer: return exchange.reply(b"...", status=403)
        return reply.tap(on_batch, on_end)    # observe, or .through(stage) to rewrite
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply

Next = Callable[[Exchange], Awaitable[Reply]]


class Plugin(Protocol):
    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply: ...


class Problem(NamedTuple):
    """Something wrong with a configuration beyond its types: the path inside the plugin's config, and what to do."""

    path: tuple[str | int, ...]
    message: str
    quirk: bool = False
    """Higress starts with it, silently doing something that nobody wants: only a note with `fidelity: higress`."""
    note: bool = False
    """Nothing is wrong, but something is worth knowing."""


class PluginModule(Protocol):
    """The names that a plugin's file defines; those that it may leave out are filled in when it is loaded."""

    Config: Any
    INHERITS: bool
    """Whether a rule starts as a copy of the global config (Higress: ai-proxy and the auth plugins) or replaces it."""
    REROUTES: bool
    """Whether it sets headers that choose the route."""

    def check(self, config: Any) -> list[Problem]: ...

    def arrange(self, rules: list[Any], default: Any) -> tuple[list[Any], Any]: ...

    def identity(self, config: Any, services: Services) -> Any: ...

    def build(self, config: Any, env: Env) -> AbstractAsyncContextManager[Plugin]: ...


def compose(plugins: list[Plugin], terminal: Next) -> Next:
    """Wraps `terminal` in the plugins, the first one outermost."""
    call_next = terminal
    for plugin in reversed(plugins):
        call_next = _bind(plugin, call_next)
    return call_next


def _bind(plugin: Plugin, call_next: Next) -> Next:
    return lambda exchange: plugin(exchange, call_next)

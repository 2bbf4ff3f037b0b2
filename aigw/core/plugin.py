"""What a plugin is, and what it says about itself.

A plugin's file (`plugins/x.py`, or `plugins/x/plugin.py`) holds `Config` (a msgspec Struct), `build(config, env)` (an
async context manager: before the yield it provisions, after it it cleans up) and `ABOUT`, which is all that others
know of it. What `build` yields is the plugin: an async callable that answers itself or calls the next one in.

    async def __call__(self, exchange, call_next):
        ...                                   # look at or change exchange.request
        reply = await call_next(exchange)     # or answer: return exchange.reply(b"...", status=403)
        return reply.tap(on_batch, on_end)    # observe, or .through(stage) to rewrite
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply

Next = Callable[[Exchange], Awaitable[Reply]]


class Plugin(Protocol):
    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply: ...


class Behind(NamedTuple):
    """What stands behind a plugin in one chain.

    `identities` has what decides about the answers there, in JSON: of each plugin by its name, and as `route` of the
    route itself. A function in it, called without arguments, gives a part that changes at run time. `withheld` are the
    client's headers, in lower case, that one of these plugins sends no further."""

    identities: Mapping[str, Any]
    withheld: frozenset[str] = frozenset()


class PerChain(NamedTuple):
    """What `build` yields for a plugin that must know what stands behind it: each chain gets a plugin of its own."""

    make: Callable[[Behind], Plugin]


class Problem(NamedTuple):
    """Something wrong with a configuration beyond its types: the path inside the plugin's config, and what to do."""

    path: tuple[str | int, ...]
    message: str
    quirk: bool = False
    """Higress starts with it, silently doing something that nobody wants: only a note with `fidelity: higress`."""
    note: bool = False
    """Nothing is wrong, but something is worth knowing."""


Phase = Literal["AUTHN", "AUTHZ", "STATS", ""]
"""Higress's, outermost first. "" is the unspecified one, in which most plugins are."""


class Place(NamedTuple):
    """Where a plugin stands: in which phase, and how far out in it, the highest priority outermost."""

    phase: Phase
    priority: int


class Difference(NamedTuple):
    """Something that the two fidelities do differently, as people are told."""

    subject: str
    safe: str
    higress: str


class Description(NamedTuple):
    """What a configuration brings, for the lines that a person reads when the gateway is ready: the names of the
    providers that are asked, the first one by default, a model to try, and the header in which a client puts its key,
    as in `authorization: Bearer KEY`."""

    providers: Sequence[str] = ()
    model: str = ""
    key_header: str = ""


C = TypeVar("C")


def _no_problems(config: Any) -> list[Problem]:
    return []


def _everything(config: Any, services: Services) -> Any:
    return msgspec.to_builtins(config)


def _as_they_are(rules: list[Any], default: Any) -> tuple[list[Any], Any]:
    return rules, default


def _nothing(config: Any) -> Collection[str]:
    return ()


def _never(config: Any) -> bool:
    return False


def _nothing_new(config: Any) -> Description:
    return Description()


@dataclass(frozen=True, kw_only=True, slots=True)
class About(Generic[C]):
    """A plugin as others know it. `C` is the type of its configuration."""

    config: type[C]
    build: Callable[[C, Env], AbstractAsyncContextManager[Plugin | PerChain]]
    place: Place
    recipe: str
    """The file in `recipes/` that shows it, without `.yaml`."""
    check: Callable[[C], list[Problem]] = _no_problems
    """What is wrong with a configuration beyond its types."""
    inherits: bool = False
    """Whether a rule starts as a copy of the global config (Higress: ai-proxy and the auth plugins) or replaces it."""
    reroutes: bool = False
    """Whether it sets headers by which the route is chosen again behind it."""
    identifies: bool = False
    """Whether it says who the consumer is (`Exchange.consumer`)."""
    trusts_consumer: bool = False
    """Whether it may not stand in front of one that says who the consumer is: anybody could be anybody there."""
    arrange: Callable[[list[C | None], C | None], tuple[list[C | None], C | None]] = _as_they_are
    """The configs of the rules and the global one, where one depends on whether there are others."""
    identity: Callable[[C, Services], Any] = _everything
    """What of a config decides about answers, as in `Behind.identities`; None: nothing."""
    withholds: Callable[[C], Collection[str]] = _nothing
    """The client's headers, in lower case, that it sends no further, whatever their values."""
    protects: Callable[[C], bool] = _never
    """Whether a request needs a key with this config, which `arrange` has seen."""
    describes: Callable[[C], Description] = _nothing_new
    differences: tuple[Difference, ...] = ()


def compose(plugins: list[Plugin], terminal: Next) -> Next:
    """Wraps `terminal` in the plugins, the first one outermost."""
    call_next = terminal
    for plugin in reversed(plugins):
        call_next = _bind(plugin, call_next)
    return call_next


def _bind(plugin: Plugin, call_next: Next) -> Next:
    return lambda exchange: plugin(exchange, call_next)

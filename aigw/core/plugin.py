"""Defines what a plugin is, and `About`, which describes a plugin to the rest of the gateway.

The file of a plugin (`plugins/x.py`, or `plugins/x/plugin.py`) contains `Config` (a msgspec Struct), `build(config,
env)` and `ABOUT`. `build` is an async context manager: it opens what the plugin needs, yields the plugin, and cleans up
afterwards. All other code uses only `ABOUT`. A plugin is an async callable: it answers the request itself, or calls the
next plugin.

    async def __call__(self, exchange, call_next):
        ...                                   # look at or change exchange.request
        reply = await call_next(exchange)     # or answer: return exchange.reply(b"...", status=403)
        return reply.tap(on_batch, on_end)    # observe, or .decode(decoder) to rewrite
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from aigw.core.allowance import Allowance
from aigw.core.env import Env, Services
from aigw.core.exchange import Exchange
from aigw.core.json_path import JsonPath
from aigw.core.reply import Reply

Next = Callable[[Exchange], Awaitable[Reply]]


class Plugin(Protocol):
    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply: ...


COLLECTION = "collection "
"""Stands before the name of a collection in `Behind.identities`."""


class Behind(NamedTuple):
    """What comes after a plugin in one chain.

    `identities` has, as JSON, all settings that decide which answer comes back: for each plugin under its name, for
    each collection that one searches under its name behind COLLECTION, and for the route under `route`. A function in
    it takes no arguments and returns a value that may change at run time. `withheld` are the names, in lower case, of
    the client's headers that a plugin in the rest of the chain removes. One with a `*` at its end stands for all that
    begin so."""

    identities: Mapping[str, Any]
    withheld: frozenset[str] = frozenset()


class PerChain(NamedTuple):
    """`build` yields it instead of a plugin, if the plugin must know what comes after it. `make` is called once for
    each chain and returns the plugin of that chain."""

    make: Callable[[Behind], Plugin]


class Problem(NamedTuple):
    """A problem of a configuration whose types are right. `path` leads to it in the plugin's config, and `message` says
    what is wrong and what to do."""

    path: tuple[str | int, ...]
    message: str
    quirk: bool = False
    """Higress accepts this configuration without a word, but does something that nobody wants. It is an error, and only
    a note with `fidelity: higress`."""
    note: bool = False
    """It is not an error, but the user should know it."""
    higress_only: bool = False
    """It is a problem only with `fidelity: higress`."""


Phase = Literal["AUTHN", "AUTHZ", "STATS", ""]
"""The phases of Higress, outermost first. "" is Higress's unspecified phase, in which most plugins are."""


class Place(NamedTuple):
    """The position of a plugin in a chain. In each phase, the plugin with the highest priority is outermost."""

    phase: Phase
    priority: int


class Difference(NamedTuple):
    """Something that the plugin does differently with `fidelity: safe` and with `fidelity: higress`, in words for
    users."""

    subject: str
    safe: str
    higress: str


class Description(NamedTuple):
    """What the gateway tells about a configuration when it is ready. `providers` are the names of the providers, the
    default one first. `models` are models to try, the best first, and `builtin` are those that need no network.
    `offers` has each API that a provider speaks, with a model to try it with.

    `key_header` shows how a client sends its key, such as `authorization: Bearer KEY`; if it can only be in the query,
    `key_query` is the parameter. The key is in the environment variable `key_variable`, or in the configuration at
    `key_at`. `model_header` is the header that the plugin fills with the model. `priced` is true if only models with a
    known price are let in. `lacking` says what to write so that there is a provider, if the plugin could have one."""

    providers: Sequence[str] = ()
    models: Sequence[str] = ()
    builtin: Sequence[str] = ()
    offers: Mapping[str, str] = {}
    key_header: str = ""
    key_query: str = ""
    key_variable: str = ""
    key_at: tuple[str | int, ...] = ()
    model_header: str = ""
    priced: bool = False
    lacking: str = ""


class Destination(NamedTuple):
    """Where a plugin sends requests by itself: the name of what is there, and its scheme and authority. `scheme` is ""
    if it is a part of this process."""

    name: str
    type: str
    scheme: str
    authority: str


C = TypeVar("C")


class Inheritance(Protocol):
    def __call__(self, keys: Collection[str], *, exact: bool) -> Collection[str]:
        """Returns the keys of the global config that a rule with these keys does not take over. `exact`: with
        `fidelity: higress`."""
        ...


def _takes_everything(keys: Collection[str], *, exact: bool) -> Collection[str]:
    return ()


def _no_problems(config: Any) -> list[Problem]:
    return []


def _everything(config: Any, services: Services) -> Any:
    return msgspec.to_builtins(config)


def _as_they_are(rules: list[Any], default: Any) -> tuple[list[Any], Any]:
    return rules, default


def _nothing(config: Any) -> Collection[str]:
    return ()


def _asks_nobody(config: Any) -> Mapping[JsonPath, str]:
    return {}


def _reads_nothing(config: Any) -> Mapping[JsonPath, str]:
    return {}


def _searches_nothing(config: Any, services: Services) -> Collection[str]:
    return ()


def _nowhere(config: Any) -> Sequence[Destination]:
    return ()


async def _allows_everything(config: Any, env: Env) -> Sequence[Allowance]:
    return ()


def _never(config: Any) -> bool:
    return False


def _nothing_new(config: Any) -> Description:
    return Description()


@dataclass(frozen=True, kw_only=True, slots=True)
class About(Generic[C]):
    """All that the rest of the gateway knows about a plugin. `C` is the type of its configuration."""

    config: type[C]
    build: Callable[[C, Env], AbstractAsyncContextManager[Plugin | PerChain]]
    place: Place
    recipe: str
    """The name of a file in `recipes/` that uses the plugin, without `.yaml`."""
    check: Callable[[C], list[Problem]] = _no_problems
    """Returns the problems of a configuration whose types are right."""
    inherits: bool = False
    """If true, a rule starts as a copy of the global config and overrides parts of it, as in Higress's ai-proxy and
    auth plugins. If false, a rule replaces the global config."""
    not_inherited: Inheritance = _takes_everything
    """Used with `inherits`: the keys of the global config that a rule does not take over."""
    reroutes: bool = False
    """Whether the plugin sets headers because of which the route must be chosen again."""
    identifies: bool = False
    """Whether the plugin finds out who the consumer is, and sets `Exchange.consumer`."""
    trusts_consumer: bool = False
    """Whether the plugin relies on `Exchange.consumer`. It must then not come before a plugin that
    `identifies`, because there the consumer is only what the client claims."""
    arrange: Callable[[list[C | None], C | None], tuple[list[C | None], C | None]] = _as_they_are
    """Takes the configs of the rules and the global config, and returns them changed. It is for a plugin whose config
    means something else if there are other configs."""
    identity: Callable[[C, Services], Any] = _everything
    """Returns, as JSON, the part of a config that decides which answer comes back, for `Behind.identities`. None means
    that no part of it does."""
    asks: Callable[[C], Mapping[JsonPath, str]] = _asks_nobody
    """Returns the names of the routes of this gateway whose models the plugin asks, by their places in its config. ""
    is any route."""
    reads: Callable[[C], Mapping[JsonPath, str]] = _reads_nothing
    """Returns the files that a config names, by their places in it. Their paths start at the folder of the
    configuration."""
    searches: Callable[[C, Services], Collection[str]] = _searches_nothing
    """Returns the names of the collections of this gateway that the plugin searches: when one changes, answers do."""
    withholds: Callable[[C], Collection[str]] = _nothing
    """Returns the names, in lower case, of the client's headers that the plugin always removes."""
    protects: Callable[[C], bool] = _never
    """Returns whether this config lets in only requests with a key. The config is one that `arrange` returned."""
    describes: Callable[[C], Description] = _nothing_new
    """Returns what to tell the user about a config when the gateway is ready."""
    allowances: Callable[[C, Env], Awaitable[Sequence[Allowance]]] = _allows_everything
    """Returns what is used of the limits of a config, for those who look. Raises StoreError."""
    differences: tuple[Difference, ...] = ()
    nearest: str = ""
    """What comes nearest in Higress, if that has no plugin of this name; "" if it has one."""
    image: str = "2.0.0"
    """The version of Higress's image of the plugin, for exports."""
    destinations: Callable[[C], Sequence[Destination]] = _nowhere
    """Returns where the plugin sends requests instead of the upstream of the route, the default one first."""


def compose(plugins: list[Plugin], terminal: Next) -> Next:
    """Returns a chain of the plugins, the first one outermost, that ends in `terminal`."""
    call_next = terminal
    for plugin in reversed(plugins):
        call_next = _bind(plugin, call_next)
    return call_next


def _bind(plugin: Plugin, call_next: Next) -> Next:
    return lambda exchange: plugin(exchange, call_next)

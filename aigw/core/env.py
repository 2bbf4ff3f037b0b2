"""Everything outside of a request that a plugin may use. Time, ids and random numbers come from here too, so that tests
can replace them."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from aigw.core.asking import Models
from aigw.core.dialect import Turn
from aigw.core.model import DEFAULT_TIMEOUTS, Origin, Timeouts
from aigw.core.retrieval import Retrieval
from aigw.core.stores import Stores
from aigw.core.upstream import Upstream


class Clock(Protocol):
    """Tells the time. The module `time` is one."""

    def time(self) -> float:
        """Seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start. They never go back."""
        ...


class Tokenizer(Protocol):
    """Counts tokens as OpenAI's tokenizers do. `aigw.metering.tokenizer.TokenCounter` is one."""

    def count(self, text: str, model: str = "") -> int: ...

    def count_turns(self, turns: Sequence[Turn], model: str = "") -> int:
        """Counts the tokens of a prompt, including those that separate the turns of a conversation."""
        ...

    def clip(self, text: str, limit: int, model: str = "") -> str:
        """Returns the beginning of `text` that has at most `limit` tokens."""
        ...

    def text_of(self, tokens: Sequence[int], model: str = "") -> str:
        """Returns the text that has these tokens. Raises ValueError if there is none."""
        ...

    def ready(self, model: str = "") -> bool:
        """Whether the vocabulary is loaded already. To load it takes 0.3 s."""
        ...


class Counters(Protocol):
    """The gateway's metrics. `aigw.books.metrics.Metrics` is one."""

    def add(self, labels: tuple[str, ...], amounts: Mapping[str, int]) -> None:
        """Adds `amounts`, by the names of the counters. `labels` are the names of the route, the cluster, the model and
        the consumer, or () for a counter without labels. Never blocks, never raises."""
        ...


class Prices(Protocol):
    """Tells what requests cost. `aigw.pricing.prices.Prices` is one, and `Query` there says what a query is. `at` is
    the time of the request in seconds since 1970."""

    def ready(self, query: Any, at: float) -> bool:
        """Whether `cost` can answer at once, without `prepare`."""
        ...

    async def prepare(self, query: Any, at: float, patience: float | None = None) -> None:
        """Loads the prices that `cost` needs for this query. Returns after `patience` seconds at the latest."""
        ...

    async def warm(self, at: float) -> None:
        """Loads the prices of the models that the configuration names."""
        ...

    def cost(self, tokens: Any, query: Any, at: float, parts: Mapping[str, int] | None = None) -> float | None:
        """Returns USD, None if the price is not known."""
        ...


class Ask(Protocol):
    """Asks a stand-in what a request would ask it, and returns what its answer would say, without the bytes of both.
    `goes_on` says that more of the text may come. Raises TimeoutError if it takes more than `seconds`."""

    def __call__(self, service: str, text: str, seconds: float, goes_on: bool, /) -> Awaitable[Any]: ...


class Services(Protocol):
    """Finds the real addresses of services. They are in the `services:` table of the configuration."""

    def locate(self, scheme: str, authority: str, service: str = "") -> Origin:
        """Returns where to connect for `authority` (host or host:port). If the table has only `service`, the name of
        the route's service, returns where that is."""
        ...

    def locate_callout(self, scheme: str, authority: str, service: str, standin: str = "") -> Origin:
        """Like `locate`, for a `service` that a plugin itself calls. If the table does not have the service, a built-in
        stand-in may answer for it: one of its name, or the one that is called `standin`."""
        ...


def new_id() -> str:
    """Returns 32 hex digits that identify a request. They are not secret: others may be able to guess them."""
    return f"{_ids.getrandbits(128):032x}"


_ids = random.Random()  # noqa: S311


_T = TypeVar("_T")


Job = Callable[[], Awaitable[object]]
WhenIdle = Callable[[Job], object]
"""Has a job done once the gateway is ready and nobody asks it anything."""


def never(job: Job) -> None:
    """Leaves it to the first request that needs it."""


class Keeping(NamedTuple):
    """How long responses are kept, and how many for each consumer."""

    seconds: float
    most: int


@dataclass(slots=True, frozen=True)
class Env:
    """What `build` gets from the gateway for a plugin.

    `fidelity` is "safe" or "higress". With "higress", a plugin does exactly what Higress does, even where aigw is safer
    on purpose. `build` gets the part that differs from `choose`.

    Every request that leaves the gateway goes through `upstream`; `timeouts` are the defaults for such requests.
    `beside` has the stand-ins, by name, that a plugin may ask without a request through `upstream`. It is empty while
    something there must see all requests, such as a recorder.

    `retrieval` searches the collections of this machine. `models` asks models through the routes of this gateway.
    `responses` says how OpenAI responses are kept for providers that keep none, None if they are not kept. `when_idle`
    takes jobs that are done once the gateway is ready and idle, so that the first request need not wait for them.
    `lasting` is what parts keep in memory for the next configuration, by names of their own.

    `run` identifies one run of the gateway, from its start to its end; all workers have the same. `folder` is the
    folder of the configuration, from which its relative paths start. `options` are the options with which commands of
    aigw find this gateway's configuration, such as `--recipe budget`; "" for the file in the current folder."""

    upstream: Upstream
    services: Services
    tokenizer: Tokenizer
    stores: Stores
    fidelity: str = "safe"
    metrics: Counters | None = None
    prices: Prices | None = None
    retrieval: Retrieval | None = None
    models: Models | None = None
    beside: Mapping[str, Ask] = field(default_factory=dict)
    folder: Path = Path()
    run: str = ""
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    options: str = ""
    responses: Keeping | None = None
    clock: Clock = time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    when_idle: WhenIdle = never
    lasting: dict[str, Any] = field(default_factory=dict)
    random: random.Random = field(default_factory=random.Random)
    new_id: Callable[[], str] = new_id
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("aigw"))

    def choose(self, *, safe: _T, higress: _T) -> _T:
        """Returns the one of the two that `fidelity` names."""
        return higress if self.fidelity == "higress" else safe

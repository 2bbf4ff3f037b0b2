"""All that a plugin may reach. Time, ids and randomness are injected here, so that tests never sleep and never
guess."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aigw.core.dialect import Turn
from aigw.core.model import DEFAULT_TIMEOUTS, Origin, Timeouts
from aigw.core.stores import Stores
from aigw.core.upstream import Upstream


class Clock(Protocol):
    def time(self) -> float:
        """Seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Tokenizer(Protocol):
    """Counts tokens as OpenAI's tokenizers do. `aigw.metering.tokenizer.TokenCounter` is one."""

    def count(self, text: str, model: str = "") -> int: ...

    def count_turns(self, turns: Sequence[Turn], model: str = "") -> int:
        """The tokens of a prompt, with what a conversation adds to its texts."""
        ...

    def clip(self, text: str, limit: int, model: str = "") -> str:
        """The first `limit` tokens of `text`."""
        ...

    def ready(self, model: str = "") -> bool:
        """Whether counting is possible without loading a vocabulary first (0.3 s)."""
        ...


class Counters(Protocol):
    """The gateway's metrics. `aigw.books.metrics.Metrics` is one."""

    def add(self, labels: tuple[str, str, str, str], amounts: Mapping[str, int]) -> None:
        """Adds to the counters of a route, a cluster, a model and a consumer, by their names. Never blocks, never
        raises."""
        ...


class Prices(Protocol):
    """What requests cost, in USD. `aigw.pricing.prices.Prices` is one, and says what a query is."""

    def ready(self, query: Any, at: float) -> bool: ...

    async def prepare(self, query: Any, at: float) -> None: ...

    def cost(self, tokens: Any, query: Any, at: float, parts: Mapping[str, int] | None = None) -> float | None: ...


class Services(Protocol):
    """Where named services really are: the `services:` table of the configuration."""

    def locate(self, scheme: str, authority: str, service: str = "") -> Origin:
        """The address of `authority` (host or host:port), or of the route's own `service` where only that is mapped."""
        ...

    def locate_callout(self, scheme: str, authority: str, service: str) -> Origin:
        """As `locate`, for a `service` that is called beside the request: one that is not mapped may have a stand-in in
        this process."""
        ...


def new_id() -> str:
    """32 hex digits. They tell requests apart; they are no secret."""
    return f"{_ids.getrandbits(128):032x}"


_ids = random.Random()  # noqa: S311


@dataclass(slots=True, frozen=True)
class Env:
    """`fidelity` is "safe" or "higress": whether a behaviour of Higress is reproduced where ours is deliberately
    safer. `run` names what a gateway does from its start to its end, the same for all of its workers.

    Whatever leaves the gateway goes through `upstream`, where the scheme of an Origin chooses the transport."""

    upstream: Upstream
    services: Services
    tokenizer: Tokenizer
    stores: Stores
    fidelity: str = "safe"
    metrics: Counters | None = None
    prices: Prices | None = None
    run: str = ""
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    clock: Clock = time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: random.Random = field(default_factory=random.Random)
    new_id: Callable[[], str] = new_id
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("aigw"))

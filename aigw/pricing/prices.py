"""The prices of models, and the cost of a request in USD. Rule: an unknown cost is None, never 0.

A price comes from the configuration (`PriceOverride`), or else from the package genai-prices, which pricebook.py asks
in a process of its own: once for each model, and once for all that wait at the same time. Only the providers in LOCAL
are free without a configured price. Sums are floats; their relative error is below 1e-12. They do not include fees
beside tokens, such as web searches or storage."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from aigw.core.child_process import UNDISTURBED
from aigw.core.tokens import Tokens
from aigw.pricing.rates import Rates
from aigw.providers.catalog import CATALOG

LOCAL = frozenset(("builtin", "ollama"))
"""Provider types that run on the user's own machine and cost nothing."""

Usd = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]

_log = logging.getLogger("aigw")
_KEPT = 1024
_AT_ONCE = 256
_TIMEOUT = 60.0  # seconds; a cold disk is slow
_DAY = 86_400.0
LONGEST_NAME = 256
"""The longest name of a model, in characters. A longer name has no price, and is not remembered."""


class PriceOverride(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The prices of a model, in USD per million tokens."""

    input: Annotated[Usd, msgspec.Meta(description="Input tokens.")]
    output: Annotated[
        Usd | None, msgspec.Meta(description="Output tokens. Without it, an answer with output has no known cost.")
    ] = None
    cache_read: Annotated[
        Usd | None, msgspec.Meta(description="Input from the provider's cache; default: `input`.")
    ] = None
    cache_write: Annotated[
        Usd | None, msgspec.Meta(description="Input into the provider's cache; default: `input`.")
    ] = None
    reasoning: Annotated[Usd | None, msgspec.Meta(description="Reasoning tokens; default: `output`.")] = None


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a model. `steps` has for each bucket or part of the tokens its steps: above how many input tokens,
    and USD per million tokens. One step holds for the whole request. `request` is in USD, for the request itself. The
    price holds from `since` to `until` (seconds since 1970; None: for ever)."""

    steps: dict[str, list[tuple[int, float]]]
    request: float = 0.0
    since: float = 0.0
    until: float | None = None


FREE = Price(steps={"input": [(-1, 0.0)], "output": [(-1, 0.0)]})
"""The price of what runs on the user's own machine."""


class Query(NamedTuple):
    """What a price is looked up for. `provider` is a type of the catalog, or "" for the vendor of the model. `tier` is
    the service tier, "" the default one."""

    provider: str
    model: str
    tier: str = ""


Cost = Callable[[Tokens, Mapping[str, int]], float | None]
"""Tells the cost of a call in USD, None if it is unknown. It takes the tokens, and the parts as in `UsageReader`."""
Asked = tuple[Query, float]
"""A price that is looked up, and for which time (seconds since 1970)."""
Book = Callable[[Sequence[Asked]], Awaitable[Sequence[Price | None]]]
"""Looks up some prices. None: it is unknown."""


async def ask_pricebook(asked: Sequence[Asked]) -> Sequence[Price | None]:
    """Looks up prices in another process, in about 0.7 s. The process ends if the caller is cancelled. None if a price
    is unknown, or if the lookup failed, which is logged."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            code, output, errors = await run_pricebook(
                json.dumps([_question(query, at) for query, at in asked]).encode()
            )
        if code == 0:
            if errors:
                _log.warning("a price is unknown: %s", errors.decode(errors="replace").strip())
            return msgspec.json.decode(output, type=list[Price | None])
        lines = errors.decode(errors="replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
    except (OSError, msgspec.DecodeError) as error:  # a TimeoutError is an OSError
        reason = type(error).__name__
    _log.warning("the price of %s is unknown: %s", ", ".join(sorted({query.model for query, _ in asked})), reason)
    return [None] * len(asked)


def _question(query: Query, at: float) -> dict[str, Any]:
    return {
        "provider": query.provider,
        "url": url_of(query.provider),
        "model": query.model,
        "tier": query.tier,
        "at": at,
    }


def url_of(type_: str) -> str:
    """Returns the address by which the pricebook knows a provider of this type, "" if it needs none."""
    row = CATALOG.get(type_)
    return f"{row.scheme}://{row.host}" if row is not None and row.host else ""


async def run_pricebook(asked: bytes, *words: str) -> tuple[int, bytes, bytes]:
    """Runs pricebook.py with these words behind it. Returns its exit code, output and errors."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("pricebook.py")), *words]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        **UNDISTURBED,
    )
    try:
        output, errors = await process.communicate(asked)
        return await process.wait(), output, errors
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Prices:
    """Keeps the prices that were looked up, by provider type, model and tier."""

    def __init__(
        self,
        overrides: Mapping[str, PriceOverride] | None = None,
        book: Book = ask_pricebook,
        named: Callable[[], Sequence[str]] = list,
    ) -> None:
        """`overrides` are prices by model: an exact name or a glob. The exact name wins, then the longest glob. `named`
        are the models that clients are likely to ask for."""
        self._overrides = dict(overrides or {})
        self._book = book
        self._known: dict[Query, _Known] = {}
        self._named = named
        self._wanted: dict[Query, float] = {}
        self._looking: asyncio.Task[None] | None = None
        self._overridden = lru_cache(maxsize=_KEPT)(self._find_override)

    def find(self, query: Query, at: float) -> Cost | None:
        """Returns what computes the cost of a call, None if the price must be looked up first (`prepare`). It looks
        nothing up."""
        configured = self._configured(query.model)
        if configured is not None:
            return configured.cost
        if query.provider in LOCAL:
            return _free
        if len(query.model) > LONGEST_NAME:
            return _unknown
        known = self._known.get(query)
        return known.cost if known is not None and known.since <= at < known.until else None

    def ready(self, query: Query, at: float) -> bool:
        """Whether `cost` can answer without a lookup."""
        return self.find(query, at) is not None

    async def prepare(self, query: Query, at: float, patience: float | None = None) -> None:
        """Looks up a price if it is not known yet, together with all others that are wanted meanwhile. Returns after
        `patience` seconds at the latest; the lookup continues in the background."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not self.ready(query, at):
                    self._wanted[query] = at
                    if self._looking is None or self._looking.done():
                        self._looking = asyncio.create_task(self._look())
                    await asyncio.shield(self._looking)

    async def warm(self, at: float) -> None:
        """Looks up the prices of the models that clients are likely to ask for, all at once."""
        await asyncio.gather(*(self.prepare(Query("", model), at) for model in self._named()[:_AT_ONCE]))

    async def _look(self) -> None:
        """Looks up as many wanted prices as go into one lookup. The rest is looked up next, so that nobody waits for
        prices that are wanted later."""
        wanted = list(self._wanted.items())[:_AT_ONCE]
        asked = [(query, at) for query, at in wanted if query.model]
        try:
            found = dict(zip(asked, await self._book(asked) if asked else (), strict=True))
        except Exception:
            self._wanted.clear()
            raise
        for one in wanted:
            self._keep(*one, found.get(one))
            self._wanted.pop(one[0], None)
        self._looking = asyncio.create_task(self._look()) if self._wanted else None

    def _keep(self, query: Query, at: float, price: Price | None) -> None:
        if len(self._known) >= _KEPT:  # made-up models must not drive out those that are known
            self._known = {each: known for each, known in self._known.items() if known.cost is not _unknown}
        if len(self._known) >= _KEPT:
            self._known.clear()
        if price is None:
            self._known[query] = _Known(_unknown, at - _DAY, at + _DAY)
        else:
            until = math.inf if price.until is None else price.until
            self._known[query] = _Known(Rates(price.steps, price.request).cost, price.since, until)

    def cost(self, tokens: Tokens, query: Query, at: float, parts: Mapping[str, int] | None = None) -> float | None:
        """USD; None if the price, or a number that is needed for it, is unknown. `parts` as in `UsageReader`.

        It looks nothing up: a price that is not `ready` is unknown."""
        found = self.find(query, at)
        return None if found is None else found(tokens, parts or {})

    def override(self, model: str) -> Price | None:
        """The configured price of a model."""
        configured = self._configured(model)
        return None if configured is None else configured.price

    def _configured(self, model: str) -> _Configured | None:
        return self._overridden(model) if len(model) <= LONGEST_NAME else self._find_override(model)

    def _find_override(self, model: str) -> _Configured | None:
        matching = [name for name in self._overrides if name == model or fnmatchcase(model, name)]
        if not matching:
            return None
        rates = msgspec.structs.asdict(self._overrides[max(matching, key=lambda name: (name == model, len(name)))])
        price = Price(steps={name: [(-1, rate)] for name, rate in rates.items() if rate is not None})
        return _Configured(price, Rates(price.steps).cost)


class _Known(NamedTuple):
    """A price that was looked up, and the time in which it holds. An unknown price is looked up again after a day,
    because the lookup may have failed."""

    cost: Cost
    since: float
    until: float


class _Configured(NamedTuple):
    price: Price
    cost: Cost


def _free(tokens: Tokens, parts: Mapping[str, int]) -> float | None:
    return 0.0


def _unknown(tokens: Tokens, parts: Mapping[str, int]) -> float | None:
    return None

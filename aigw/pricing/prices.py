"""What a request cost, in USD. Rule: each bucket is billed once, and what is not known is None, never 0.

Prices come from the configuration's own (`PriceOverride`), then from the package genai-prices, which is asked once a
model in a process of its own (`pricebook`). Only providers in LOCAL are free without being configured so. Sums are
floats: their relative error is below 1e-12. Fees that are not for tokens (web searches, storage) are not in them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from aigw.core.tokens import Tokens
from aigw.providers.catalog import CATALOG

LOCAL = frozenset(("builtin", "ollama"))
"""Provider types that run on the user's own machine and cost nothing."""

Usd = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]

_log = logging.getLogger("aigw")
_KEPT = 1024
_TIMEOUT = 60.0  # seconds, for a cold disk
_FALLS_BACK = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "reasoning": "output",
    "input_audio": "input",
    "input_image": "input",
    "output_audio": "output",
    "output_image": "output",
}


class PriceOverride(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """USD per million tokens. Without a price of their own, cached tokens cost what `input` costs and reasoning what
    `output` costs. Without `output` (embeddings) the cost of an answer that has output is unknown."""

    input: Usd
    output: Usd | None = None
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    reasoning: Usd | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """`steps`: per bucket or part (`names.PARTS`) USD per million tokens, each from a number of input tokens on
    (exclusive); the whole request is billed at one step. `request`: USD beside the tokens. It holds from `since` to
    `until` (seconds since 1970, None = open)."""

    steps: dict[str, list[tuple[int, float]]]
    request: float = 0.0
    since: float = 0.0
    until: float | None = None

    def holds(self, at: float) -> bool:
        return self.since <= at < (math.inf if self.until is None else self.until)


class Query(NamedTuple):
    """`provider` is a type of the catalog, or "" for the model's own vendor, `tier` the provider's service tier ("" =
    the default one)."""

    provider: str
    model: str
    tier: str = ""


Book = Callable[[Query, float], Awaitable[Price | None]]
"""Looks a price up for an instant (seconds since 1970). None = unknown."""


async def ask_pricebook(query: Query, at: float) -> Price | None:
    """Takes about 0.7 s, in a process of its own, which ends with a cancelled caller. None also if it fails, which is
    logged."""
    row = CATALOG.get(query.provider)
    url = f"{row.scheme}://{row.host}" if row is not None and row.host else ""
    asked = {"provider": query.provider, "url": url, "model": query.model, "tier": query.tier, "at": at}
    try:
        async with asyncio.timeout(_TIMEOUT):
            code, output, errors = await _run(json.dumps(asked).encode())
        if code == 0:
            return msgspec.json.decode(output, type=Price | None)
        lines = errors.decode(errors="replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
    except (OSError, msgspec.DecodeError) as error:  # a TimeoutError is an OSError
        reason = type(error).__name__
    _log.warning("the price of %s is unknown: %s", query.model, reason)
    return None


async def _run(asked: bytes) -> tuple[int, bytes, bytes]:
    """The pricebook's exit code, output and errors."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("pricebook.py"))]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,  # Ctrl-C is for the gateway
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
    """Keeps what was looked up, per provider type, model and tier."""

    def __init__(self, overrides: Mapping[str, PriceOverride] | None = None, book: Book = ask_pricebook) -> None:
        """`overrides` by model: an exact name, or a glob; the exact one wins, then the longest."""
        self._overrides = dict(overrides or {})
        self._book = book
        self._known: dict[Query, tuple[Price | None, float]] = {}  # with the instant that was asked for
        self._turn = asyncio.Lock()
        self._overridden = lru_cache(maxsize=_KEPT)(self._find_override)

    def ready(self, query: Query, at: float) -> bool:
        """Whether `cost` answers at once. Looks nothing up."""
        return query.provider in LOCAL or self._overridden(query.model) is not None or self._kept(query, at)

    async def prepare(self, query: Query, at: float) -> None:
        """Looks a price up, one at a time, if it is not known yet."""
        async with self._turn:
            if not self.ready(query, at):
                price = await self._book(query, at) if query.model else None
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[query] = price, at

    def cost(self, tokens: Tokens, query: Query, at: float, parts: Mapping[str, int] | None = None) -> float | None:
        """USD; None if the price, or a number that is needed for it, is unknown. `parts` as in `UsageReader`.

        Looks nothing up: what is not `ready` is unknown."""
        price = self._overridden(query.model)
        if price is None and query.provider in LOCAL:
            return 0.0
        if tokens.source == "absent":
            return None
        if price is None and self._kept(query, at):
            price = self._known[query][0]
        return None if price is None else _cost(price, tokens, parts or {})

    def _kept(self, query: Query, at: float) -> bool:
        """An unknown price is asked for again after a day, in case that only the lookup failed."""
        price, asked = self._known.get(query, (None, -math.inf))
        return price.holds(at) if price is not None else abs(at - asked) < 86_400

    def _find_override(self, model: str) -> Price | None:
        matching = [name for name in self._overrides if name == model or fnmatchcase(model, name)]
        if not matching:
            return None
        rates = msgspec.structs.asdict(self._overrides[max(matching, key=lambda name: (name == model, len(name)))])
        return Price(steps={name: [(-1, rate)] for name, rate in rates.items() if rate is not None})


def _cost(price: Price, tokens: Tokens, parts: Mapping[str, int]) -> float | None:
    made = tokens.output
    context = tokens.prompt
    if tokens.input is None or context is None or (made is None and "output" in price.steps):
        return None
    if made and "output" not in price.steps:
        return None
    read, write = tokens.cache_read or 0, tokens.cache_write or 0
    buckets = {"input": tokens.input, "cache_read": read, "cache_write": write, "output": made or 0}
    total = sum(count * _rate(price, name, context) for name, count in buckets.items() if count)
    for name, count in {**parts, "reasoning": tokens.reasoning or 0}.items():
        if count and name in price.steps:  # it is in its bucket already, at the bucket's price
            total += count * (_rate(price, name, context) - _rate(price, _FALLS_BACK[name], context))
    return total / 1_000_000 + price.request


def _rate(price: Price, name: str, context: int) -> float:
    """USD per million tokens."""
    while name not in price.steps:
        name = _FALLS_BACK[name]
    return [rate for start, rate in price.steps[name] if context > start][-1]

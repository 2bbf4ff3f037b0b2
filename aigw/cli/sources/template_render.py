"""Finds out what a request becomes on its way through a gateway, without sending it: it starts a gateway of its own,
whose chains end here.

Rule: nothing is kept, counted or sent to a provider. If a plugin before ai-prompt-template would refuse or answer the
request, this is reported, and the request goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from aigw.books.books import Books
from aigw.cli.sources.changed_config import at_free_port, without_redis
from aigw.cli.sources.gateway_client import answer_of, refusal
from aigw.cli.sources.templates import PLUGIN, TemplateCall
from aigw.config.load import Loaded
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.plugin import Next, Plugin, compose
from aigw.core.reply import Reply
from aigw.core.tokens import Tokens
from aigw.pricing.prices import Prices, Query
from aigw.server.gateway import run
from aigw.trace.tracer import Applied
from aigw.upstream.proxied import upstream_for

CAPTURED = "captured"


class RefusedError(Exception):
    """The gateway answers the request itself. The message is its own."""


class Rendered(NamedTuple):
    """What would go upstream. `provider` is "" if the request goes to the upstream of its route. `usd` is the price of
    the prompt alone, None if it is not known. `retrieved` are the ids of the passages that ai-rag put into it."""

    body: bytes
    method: str
    url: str
    route: str
    provider: str
    asked: str
    model: str
    tokens: int
    usd: float | None
    notes: list[str]
    retrieved: list[str]


class _Chains:
    """Makes chains that end here. A `pipeline.Composer`."""

    def __init__(self) -> None:
        self.captured: Exchange | None = None
        self.notes: list[str] = []

    def compose(self, plugins: Sequence[Applied], absent: Sequence[str], terminal: Next) -> Next:
        names = [each.name for each in plugins]
        outside = names.index(PLUGIN) if PLUGIN in names else 0
        passing = [self._passing(each) if each.name else each.plugin for each in plugins[:outside]]
        return compose([*passing, *(each.plugin for each in plugins[outside:])], self._capture)

    async def _capture(self, exchange: Exchange) -> NoReturn:
        if exchange.target is None:
            raise GatewayError(404, f"the route '{exchange.route.name}' has no upstream and no provider for this")
        exchange.request.seal()
        self.captured = exchange
        raise GatewayError(501, "this gateway sends nothing", code=CAPTURED)

    def _passing(self, applied: Applied) -> Plugin:
        async def passing(exchange: Exchange, call_next: Next) -> Reply:
            passed = False

            async def go_on(exchange: Exchange) -> Reply:
                nonlocal passed
                passed = True
                return await call_next(exchange)

            try:
                reply = await applied.plugin(exchange, go_on)
                told = f"answer this itself, with status {reply.status}"
            except (GatewayError, UpstreamError) as error:
                if passed:
                    raise
                told = f"refuse this: {error}"
            else:
                if passed:
                    return reply
            self.notes.append(f"{applied.name} would {told}")
            return await call_next(exchange)

        return passing


async def render(loaded: Loaded, call: TemplateCall, env: Mapping[str, str]) -> Rendered:
    """Raises RefusedError, ConfigError."""
    chains, books = _Chains(), Books(None)
    alone, network = without_redis(at_free_port(loaded)), upstream_for(env)
    async with run(alone, network, grace=0.0, books=books, composer=chains, state=loaded.state_dir) as running:
        status, body = await asyncio.to_thread(answer_of, running.url, call)
        if (exchange := chains.captured) is None:
            raise RefusedError(refusal(status, body))
        tokens = await asyncio.to_thread(_count, exchange, books)
        usd = await _price(loaded, exchange, tokens)
    sent, target = exchange.request, exchange.target
    assert target is not None
    return Rendered(
        sent.body,
        sent.method,
        f"{target.origin.scheme}://{target.authority or target.origin.host}{sent.path}",
        exchange.route.name,
        exchange.attempts[-1] if exchange.attempts else "",
        exchange.named,
        exchange.sent.model,
        tokens,
        usd,
        chains.notes,
        [each.id for each in exchange.labels.retrieved],
    )


def _count(exchange: Exchange, books: Books) -> int:
    sent = exchange.sent
    try:
        return books.tokenizer.count_turns(sent.turns, sent.model)
    except ValueError:  # it is no JSON, as Higress leaves it
        return books.tokenizer.count(exchange.request.body.decode("utf-8", "replace"), sent.model)


async def _price(loaded: Loaded, exchange: Exchange, tokens: int) -> float | None:
    prices, query, now = Prices(loaded.config.prices), Query(exchange.provider, exchange.sent.model), time.time()
    await prices.prepare(query, now)
    return prices.cost(Tokens(input=tokens, output=0, source="estimated"), query, now)

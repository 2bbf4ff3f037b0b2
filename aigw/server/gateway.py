"""A running gateway: it opens and closes a configuration, its plugins, its transport and its listener together.

A new configuration replaces the old one between two requests. Requests under way end with the plugins that they began
with; after that, those plugins are closed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from aigw.books.books import Books
from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.env import Clock, Env, new_id
from aigw.core.upstream import Upstream
from aigw.pipeline.pipeline import Composer
from aigw.pricing import kept_prices
from aigw.pricing.prices import Book
from aigw.server.edge import Edge
from aigw.server.framing import Framing
from aigw.server.generation import Generation, Lasting, open_generation
from aigw.server.http1.connection import Response
from aigw.server.http1.request import HttpRequest
from aigw.server.knowledge import Knowledge
from aigw.server.listen import Listener, cannot_listen
from aigw.server.page.inspection import Inspection
from aigw.server.page.views import NO_VIEWS, Views
from aigw.server.protection import check_address, is_protected
from aigw.server.reload import Reloader
from aigw.server.run_name import run_name
from aigw.server.screening import Screening
from aigw.server.stores import GatewayStores
from aigw.server.warm_up import WarmUp
from aigw.upstream.builtin import BuiltinUpstream
from aigw.upstream.standin import Standin, StandinUpstream
from aigw.upstream.switch import Switch

log = logging.getLogger("aigw")

DEFERRED_SECONDS = 5.0
"""How long deferred jobs may take when the gateway stops."""


class Gateway:
    """The handler of the listener, whatever configuration is in force. `builtin` is the transport of the built-in
    models. With `insecure`, its address may be open to others."""

    def __init__(self, lasting: Lasting, builtin: BuiltinUpstream, *, insecure: bool) -> None:
        self._lasting = lasting
        self._builtin = builtin
        self._insecure = insecure
        self._generations: list[Generation] = []  # the last one is in force, the others are ending
        self._endings: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def busy(self) -> bool:
        return any(generation.busy for generation in self._generations)

    @property
    def edge(self) -> Edge:
        return self._generations[-1].edge

    @property
    def env(self) -> Env:
        return self._generations[-1].env

    async def __call__(self, http: HttpRequest) -> Response:
        generation = self._generations[-1]
        generation.busy += 1
        try:
            return await generation.edge(http)
        finally:
            generation.busy -= 1
            if generation.retired and not generation.busy:
                generation.idle.set()

    async def take(self, loaded: Loaded) -> None:
        """Puts a configuration into service for all new requests.

        Raises ConfigError if it would leave the address open to others. If anything is raised, the old one stays."""
        lasting = self._lasting
        check_address(lasting.host, insecure=self._insecure, authenticated=is_protected(loaded))
        missing = await lasting.knowledge.missing(loaded)
        latest = await open_generation(loaded, lasting)  # nothing waits from here on, and nothing is raised
        self._generations.append(latest)
        self._builtin.embedders = latest.embedders.local
        lasting.knowledge.take(loaded.config.rag, latest.embedders, latest.env.models)
        lasting.screening.take(loaded, latest.env)
        lasting.books.take(latest.prices)
        for sentence in missing:
            log.warning("%s", sentence)
        for old in self._generations[-2:-1]:
            self._retire(old)

    async def aclose(self) -> None:
        """Closes every configuration. The listener must be closed before."""
        self._stopping = True
        for last in self._generations[-1:]:
            self._retire(last)
        for generation in self._generations:
            generation.idle.set()
        if self._endings:
            await asyncio.wait(self._endings)

    def _retire(self, generation: Generation) -> None:
        generation.retire()
        task = asyncio.create_task(self._end(generation))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _end(self, generation: Generation) -> None:
        await generation.idle.wait()
        try:
            await generation.aclose(DEFERRED_SECONDS if self._stopping else None)
        except Exception:
            log.exception("a plugin failed while it was closed")
        finally:
            self._generations.remove(generation)


class SharedAddress(NamedTuple):
    """An address on which several processes listen. `instance` is the id that they have in common. `socket` is the
    descriptor of a socket that they have in common, None if each has its own."""

    host: str
    port: int
    instance: str
    socket: int | None = None


class Running:
    """A gateway that listens. `url` is its address, without /v1."""

    def __init__(self, url: str, gateway: Gateway) -> None:
        self.url = url
        self._gateway = gateway

    @property
    def env(self) -> Env:
        return self._gateway.env

    @property
    def edge(self) -> Edge:
        return self._gateway.edge


@asynccontextmanager
async def run(
    loaded: Loaded,
    upstream: Upstream,
    *,
    grace: float = 5.0,
    insecure: bool = False,
    shared: SharedAddress | None = None,
    reloader: Reloader | None = None,
    books: Books | None = None,
    standins: Mapping[str, Standin] | None = None,
    around: Callable[[Upstream], Upstream] | None = None,
    composer: Composer | None = None,
    framing: Framing | None = None,
    options: str = "",
    state: Path | None = None,
    clock: Clock = time,
    empty_cache: bool = False,
    counts_anew: bool = False,
    book: Book | None = None,
    inspect: bool = False,
    views: Views = NO_VIEWS,
) -> AsyncIterator[Running]:
    """Serves until the block ends, then closes `upstream`, the network. Answers in flight get `grace` seconds to end.
    `shared` replaces the configured address. Changes that `reloader` finds are put into service. `books` keep what
    happens; without them nothing is kept.

    `standins` answer for services that the configuration names and does not map. `around` puts a transport around all
    others: it sees every request that leaves, to providers, built-in models, services and stand-ins. `composer` makes
    the chains; without one, what they do is recorded if `books` has a place for that. `framing` is how answers are
    written. `options` are those of `Env`. `state` is the folder with the collections, default: that of the books.
    `clock` is that of the plugins and stores. With `empty_cache`, no answer of another run is found in a cache;
    with `counts_anew`, what plugins count begins at zero, too, and is not kept. `book` looks up prices, by default with
    a file in the folder of the books in front. With `inspect`, details of requests are kept also while no page is open.
    `views` are what the page shows beside its own.

    Raises ConfigError if the address would be open to others, AddressError if it is taken."""
    host, port = shared[:2] if shared is not None else parse_listen(loaded.config.listen)
    books = books or Books(None)
    knowledge = Knowledge(state or books.folder, loaded.config.rag.store)
    screening = Screening()
    own = {**knowledge.standins(new_id), **screening.standins(new_id)}
    beside = {} if around is not None or standins else screening.beside(new_id)
    standins = {**own, **(standins or {})}
    builtin = BuiltinUpstream(books.tokenizer)
    door = _door(upstream, builtin, standins)
    if around is not None:
        door = around(door)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(door.aclose)
        stack.push_async_callback(knowledge.aclose)
        await stack.enter_async_context(books.open())
        kept = None if counts_anew else books.folder
        warm_up = WarmUp(lambda: gateway.busy)
        stores = GatewayStores(kept, loaded.config.cache, clock.time, empty_cache=empty_cache, when_idle=warm_up.add)
        stack.push_async_callback(stores.aclose)
        env = Env(
            door,
            loaded.services,
            books.tokenizer,
            stores.by(loaded.services),
            metrics=books.metrics,
            beside=beside,
            run=run_name(os.environ),
            options=options,
            clock=clock,
            when_idle=warm_up.add,
        )
        inspection = Inspection(books, views, always=inspect, alone=shared is None)
        lasting = Lasting(
            env=env,
            books=books,
            stores=stores,
            knowledge=knowledge,
            screening=screening,
            inspection=inspection,
            standins=list(standins),
            host=host,
            instance=shared.instance if shared is not None else new_id(),
            composer=composer,
            framing=framing,
            book=book or kept_prices.book(books.folder),
        )
        gateway = Gateway(lasting, builtin, insecure=insecure)
        stack.push_async_callback(gateway.aclose)
        await gateway.take(loaded)
        listener = Listener(gateway, grace=grace)
        stack.push_async_callback(listener.stop)
        stack.push_async_callback(inspection.aclose)
        try:
            inherited = shared.socket if shared is not None else None
            host, port = await listener.start(host, port, shared=shared is not None, inherited=inherited)
        except OSError as error:
            raise cannot_listen(host, port, error) from None
        stack.push_async_callback(warm_up.aclose)
        warm_up.add(partial(books.add_up, warm_up.add))
        warm_up.start()
        if reloader is not None:
            await stack.enter_async_context(reloader.following(loaded, gateway.take))
        yield Running(base_url(host, port), gateway)


def _door(network: Upstream, builtin: Upstream, standins: Mapping[str, Standin]) -> Upstream:
    """Makes the one door: the switch of all transports."""
    return Switch(
        {
            "http": network,
            "https": network,
            "builtin": builtin,
            "standin": StandinUpstream(standins),
        }
    )


def base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

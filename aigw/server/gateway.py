"""A running gateway: it opens and closes a configuration, its plugins, its transport and its listener together.

A new configuration replaces the old one between two requests. Requests under way end with the plugins that they began
with; after that, those plugins are closed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from aigw.books.books import Books
from aigw.clients import green_cip
from aigw.config.effective import effective
from aigw.config.load import Loaded
from aigw.config.secret_values import secrets_in
from aigw.config.services import parse_listen
from aigw.core.env import Clock, Env, Keeping, new_id
from aigw.core.model import Timeouts
from aigw.core.upstream import Upstream
from aigw.pipeline.asking import Asker
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Composer, Pipeline
from aigw.pricing import kept_prices
from aigw.pricing.prices import Book, Prices
from aigw.rag.embedders import EmbedderTable
from aigw.server import standin_routes
from aigw.server.admin import Admin
from aigw.server.edge import Edge
from aigw.server.first_call import models_to_name
from aigw.server.framing import Framing
from aigw.server.guard import Guard, is_loopback
from aigw.server.http1.connection import Response
from aigw.server.http1.request import HttpRequest
from aigw.server.knowledge import Knowledge
from aigw.server.listen import Listener, cannot_listen
from aigw.server.page.inspection import Inspection
from aigw.server.page.views import NO_VIEWS, Inside, Views
from aigw.server.protection import check_address, is_protected
from aigw.server.reload import Reloader
from aigw.server.routes import RouteTable
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


class _Generation:
    """One configuration in service. `busy` counts the requests that it answers. `idle` is set when it has none left and
    gets no new ones."""

    def __init__(self, env: Env, edge: Edge, plugins: AsyncExitStack, embedders: EmbedderTable, prices: Prices) -> None:
        self.env = env
        self.embedders = embedders
        self.prices = prices
        self.edge = edge
        self.plugins = plugins
        self.busy = 0
        self.retired = False
        self.idle = asyncio.Event()


class Gateway:
    """The handler of the listener, whatever configuration is in force. `env` holds what outlives a configuration:
    the transport, the token counter, the stores. `builtin` is the transport of the built-in models. `standins` are the
    names of services that it answers itself."""

    def __init__(
        self,
        env: Env,
        books: Books,
        stores: GatewayStores,
        builtin: BuiltinUpstream,
        knowledge: Knowledge,
        screening: Screening,
        inspection: Inspection,
        host: str,
        *,
        insecure: bool,
        standins: Iterable[str],
        instance: str,
        composer: Composer | None,
        framing: Framing | None,
        book: Book,
    ) -> None:
        self._env = env
        self._standins = list(standins)
        self._books = books
        self._stores = stores
        self._builtin = builtin
        self._knowledge = knowledge
        self._screening = screening
        self._inspection = inspection
        self._host = host
        self._insecure = insecure
        self._instance = instance
        self._composer = composer
        self._framing = framing
        self._book = book
        self._generations: list[_Generation] = []  # the last one is in force, the others are ending
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
        check_address(self._host, insecure=self._insecure, authenticated=is_protected(loaded))
        missing = await self._knowledge.missing(loaded)
        latest = await self._open(loaded)  # nothing waits from here on, and nothing is raised
        self._generations.append(latest)
        self._builtin.embedders = latest.embedders.local
        self._knowledge.take(loaded.config.rag, latest.embedders, latest.env.models)
        self._screening.take(loaded, latest.env)
        self._books.take(latest.prices)
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

    async def _open(self, loaded: Loaded) -> _Generation:
        config = loaded.config
        timeouts = Timeouts(config.timeouts.connect, config.timeouts.first_byte, config.timeouts.idle)
        prices = Prices(config.prices, self._book, partial(models_to_name, loaded))
        services = loaded.services.with_standins(self._standins)
        stores = self._stores.by(services)
        env = replace(
            self._env,
            services=services,
            stores=stores,
            fidelity=config.fidelity,
            timeouts=timeouts,
            prices=prices,
            folder=loaded.path.parent if loaded.path is not None else Path(),
            responses=Keeping(config.responses.ttl, config.responses.most) if config.responses.store else None,
        )
        embedders = self._knowledge.embedders(config.rag, env)
        record, jobs = self._books.request_log.note, set[asyncio.Task[None]]()
        asker = Asker(env.clock, env.new_id, record, jobs)
        env = replace(env, retrieval=self._knowledge.retrieval(embedders), models=asker)
        async with AsyncExitStack() as stack:
            composer, watcher = self._composers(loaded, env.clock)
            forward = Forward(env.upstream, judges_ends=env.choose(safe=True, higress=False))
            pipeline = Pipeline(list(loaded.plugins.values()), forward, composer, loaded.hosts.host, watcher)
            await pipeline.open(env, stack)
            if green_cip.STANDIN in services.answered or config.standins.green_cip:
                await self._screening.prepare(loaded)
            for name in stores.unused():
                log.warning("services: no plugin has a Redis named %s; is it misspelt?", name)
            own = standin_routes.routes(config.standins, self._standins)
            off = env.choose(safe=standin_routes.names_off(config.standins), higress=[])
            routes = RouteTable(config.routes, pipeline, services, timeouts, loaded.hosts.host, own)
            asker.open(routes.find_own, routes.names)
            guard = Guard(
                hosts=[self._host, *config.hosts, *standin_routes.hosts(config.standins)],
                origins=config.cors.origins,
                addresses=not is_loopback(self._host),
                listen=config.listen,
            )
            inside = Inside(loaded, env, self._knowledge, self._screening)
            admin = Admin(
                usage=self._books.usage,
                metrics=self._books.metrics,
                clock=env.clock,
                key=config.admin_key,
                shown=lambda: effective(loaded).values,
                page=self._inspection.page(inside),
            )
            edge = Edge(
                routes.find,
                env=env,
                guard=guard,
                max_body=config.max_body,
                max_kept=config.max_kept_upload,
                body_seconds=config.timeouts.body,
                admin=admin,
                record=record,
                jobs=jobs,
                instance=self._instance,
                explain=partial(standin_routes.explained, off=off),
                watch=self._inspection.watch,
                framing=self._framing,
            )
            return _Generation(env, edge, stack.pop_all(), embedders, prices)

    def _composers(self, loaded: Loaded, clock: Clock) -> tuple[Composer | None, Composer | None]:
        """What makes the chains, and what makes those that are watched: not for a command with chains of its own."""
        if self._composer is not None:
            return self._composer, None
        secrets, traces = secrets_in(loaded), self._books.traces
        watcher = self._inspection.watch.composer(clock, secrets, traces.add if traces is not None else None)
        return traces.tracer(secrets, clock) if traces is not None else None, watcher

    def _retire(self, generation: _Generation) -> None:
        generation.retired = True
        if not generation.busy:
            generation.idle.set()
        task = asyncio.create_task(self._end(generation))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def _end(self, generation: _Generation) -> None:
        await generation.idle.wait()
        try:
            await generation.edge.settled(DEFERRED_SECONDS if self._stopping else None)
            await generation.plugins.aclose()
        except Exception:
            log.exception("a plugin failed while it was closed")
        finally:
            self._generations.remove(generation)


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
    shared: tuple[str, int] | None = None,
    instance: str = "",
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
    `shared` is an address on which several processes listen; it replaces the configured one, and `instance` is the id
    that these processes have in common. Changes that `reloader` finds are put into service. `books` keep what happens;
    without them nothing is kept.

    `standins` answer for services that the configuration names and does not map. `around` puts a transport around all
    others: it sees every request that leaves, to providers, built-in models, services and stand-ins. `composer` makes
    the chains; without one, what they do is recorded if `books` has a place for that. `framing` is how answers are
    written. `options` are those of `Env`. `state` is the folder with the collections, default: that of the books.
    `clock` is that of the plugins and stores. With `empty_cache`, no answer of another run is found in a cache;
    with `counts_anew`, what plugins count begins at zero, too, and is not kept. `book` looks up prices, by default with
    a file in the folder of the books in front. With `inspect`, details of requests are kept also while no page is open.
    `views` are what the page shows beside its own.

    Raises ConfigError if the address would be open to others, AddressError if it is taken."""
    host, port = shared or parse_listen(loaded.config.listen)
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
        gateway = Gateway(
            env,
            books,
            stores,
            builtin,
            knowledge,
            screening,
            inspection,
            host,
            insecure=insecure,
            standins=standins,
            instance=instance or new_id(),
            composer=composer,
            framing=framing,
            book=book or kept_prices.book(books.folder),
        )
        stack.push_async_callback(gateway.aclose)
        await gateway.take(loaded)
        listener = Listener(gateway, grace=grace)
        stack.push_async_callback(listener.stop)
        stack.push_async_callback(inspection.aclose)
        try:
            host, port = await listener.start(host, port, shared=shared is not None)
        except OSError as error:
            raise cannot_listen(host, port, error) from None
        stack.push_async_callback(warm_up.aclose)
        warm_up.add(partial(books.add_up, warm_up.add))
        warm_up.start()
        if reloader is not None:
            await stack.enter_async_context(reloader.following(loaded, gateway.take))
        yield Running(base_url(host, port), gateway)


def _door(network: Upstream, builtin: Upstream, standins: Mapping[str, Standin]) -> Upstream:
    """The one way out, whatever the scheme."""
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

"""A gateway that runs: a loaded configuration, its plugins, its transport and its listener, opened and closed
together.

A new configuration takes the place of the old one between two requests: what is under way ends with the plugins that
it began with, and only then are those closed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from aiohttp import web

from aigw.books.books import Books
from aigw.config.effective import effective
from aigw.config.load import Loaded
from aigw.config.secret_values import secrets_in
from aigw.config.services import parse_listen
from aigw.core.env import Env
from aigw.core.errors import AddressError, ConfigError
from aigw.core.model import Timeouts
from aigw.core.upstream import Upstream
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Pipeline
from aigw.pricing.prices import Prices
from aigw.server.admin import Admin
from aigw.server.edge import Edge
from aigw.server.guard import Guard, is_loopback
from aigw.server.listen import Listener
from aigw.server.protection import is_protected
from aigw.server.reload import Reloader
from aigw.server.routes import RouteTable
from aigw.server.run_name import run_name
from aigw.server.stores import GatewayStores

log = logging.getLogger("aigw")

DEFERRED_SECONDS = 5.0
"""What deferred jobs get to end when the gateway stops."""


class _Generation:
    """One configuration in service. `busy` counts the requests that it answers; `idle` is set once it has none left
    and gets no more."""

    def __init__(self, env: Env, edge: Edge, plugins: AsyncExitStack) -> None:
        self.env = env
        self.edge = edge
        self.plugins = plugins
        self.busy = 0
        self.retired = False
        self.idle = asyncio.Event()


class Gateway:
    """The handler of the listener, whatever configuration is in force. `env` holds what outlives a configuration:
    the transport, the token counter, the stores."""

    def __init__(self, env: Env, books: Books, stores: GatewayStores, host: str, *, insecure: bool) -> None:
        self._env = env
        self._books = books
        self._stores = stores
        self._host = host
        self._insecure = insecure
        self._generations: list[_Generation] = []  # the last one is in force, the others are ending
        self._endings: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def edge(self) -> Edge:
        return self._generations[-1].edge

    @property
    def env(self) -> Env:
        return self._generations[-1].env

    async def __call__(self, http: web.BaseRequest) -> web.StreamResponse:
        generation = self._generations[-1]
        generation.busy += 1
        try:
            return await generation.edge(http)
        finally:
            generation.busy -= 1
            if generation.retired and not generation.busy:
                generation.idle.set()

    async def take(self, loaded: Loaded) -> None:
        """Puts a configuration into service for all requests that come from now on.

        Raises ConfigError if it would leave the address open to others; whatever it raises, the old one stays."""
        check_address(self._host, insecure=self._insecure, authenticated=is_protected(loaded))
        self._generations.append(await self._open(loaded))
        for old in self._generations[-2:-1]:
            self._retire(old)

    async def aclose(self) -> None:
        """Closes every configuration. Nothing may be served any more."""
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
        prices = Prices(config.prices)
        stores = self._stores.by(loaded.services)
        env = replace(
            self._env,
            services=loaded.services,
            stores=stores,
            fidelity=config.fidelity,
            timeouts=timeouts,
            prices=prices,
        )
        async with AsyncExitStack() as stack:
            traces = self._books.traces
            tracer = traces.tracer(secrets_in(loaded), env.clock) if traces is not None else None
            pipeline = Pipeline(list(loaded.plugins.values()), Forward(env.upstream), tracer)
            await pipeline.open(env, stack)
            for name in stores.unused():
                log.warning("services: no plugin has a Redis named %s; is it misspelt?", name)
            routes = RouteTable(config.routes, pipeline, loaded.services, timeouts)
            guard = Guard(
                hosts=[self._host, *config.hosts],
                origins=config.cors.origins,
                addresses=not is_loopback(self._host),
                listen=config.listen,
            )
            admin = Admin(
                usage=self._books.usage,
                metrics=self._books.metrics,
                clock=env.clock,
                key=config.admin_key,
                shown=lambda: effective(loaded).values,
            )
            record = self._books.recorder.note
            edge = Edge(routes.find, env=env, guard=guard, max_body=config.max_body, admin=admin, record=record)
            self._books.take(prices)
            return _Generation(env, edge, stack.pop_all())

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
    """A gateway that listens. `url` is the base address, without /v1."""

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
    reloader: Reloader | None = None,
    books: Books | None = None,
) -> AsyncIterator[Running]:
    """Serves until the block ends; `upstream` is closed with it. `grace` is how many seconds answers in flight get
    then. `shared` is the address that several processes listen on, in place of the configured one; what
    `reloader` finds changed is put into service. `books` take down what happens; without them nothing is kept.

    Raises ConfigError for an address that would be open to others, AddressError for one that is taken."""
    host, port = shared or parse_listen(loaded.config.listen)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(upstream.aclose)
        books = books or Books(None)
        await stack.enter_async_context(books.open())
        stores = GatewayStores(books.folder, loaded.config.cache)
        stack.push_async_callback(stores.aclose)
        env = Env(
            upstream,
            loaded.services,
            books.tokens,
            stores.by(loaded.services),
            metrics=books.metrics,
            run=run_name(os.environ),
        )
        gateway = Gateway(env, books, stores, host, insecure=insecure)
        stack.push_async_callback(gateway.aclose)
        await gateway.take(loaded)
        listener = Listener(gateway, grace=grace)
        stack.push_async_callback(listener.stop)
        try:
            host, port = await listener.start(host, port, shared=shared is not None)
        except OSError as error:
            raise taken(loaded.config.listen, error) from None
        if reloader is not None:
            await stack.enter_async_context(reloader.following(loaded, gateway.take))
        yield Running(base_url(host, port), gateway)


def taken(listen: str, error: OSError) -> AddressError:
    return AddressError(f"aigw cannot listen on {listen}: {error.strerror or error}; choose another with --listen")


def base_url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_address(host: str, *, insecure: bool, authenticated: bool) -> None:
    """Raises ConfigError for an address that others can reach while nothing asks them for a key."""
    if not (is_loopback(host) or insecure or authenticated):
        raise ConfigError(
            [
                f"listen: {host} can be reached from other machines, and whoever reaches it spends your keys; "
                "listen on 127.0.0.1, start with --insecure, or configure key-auth for every route"
            ]
        )

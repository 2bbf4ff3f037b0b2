"""One configuration in service: its plugins, its routes and its edge, and the requests that it answers.

A new configuration is a new generation. What all of them share (the transport, the stores, the books) is `Lasting`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aigw.books.books import Books
from aigw.clients import green_cip
from aigw.config.effective import effective
from aigw.config.load import Loaded
from aigw.config.model import GatewayConfig
from aigw.config.secret_values import secrets_in
from aigw.core.env import Clock, Env, Keeping
from aigw.core.exchange import Jobs
from aigw.core.model import Timeouts
from aigw.pipeline.asking import Asker
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Composer, Pipeline
from aigw.pricing.prices import Book, Prices
from aigw.rag.embedders import EmbedderTable
from aigw.server import standin_routes
from aigw.server.admin import Admin
from aigw.server.edge import Edge
from aigw.server.first_call import models_to_name
from aigw.server.framing import Framing
from aigw.server.guard import Guard, is_loopback
from aigw.server.knowledge import Knowledge
from aigw.server.page.inspection import Inspection
from aigw.server.page.views import Inside
from aigw.server.routes import RouteTable
from aigw.server.screening import Screening
from aigw.server.stores import GatewayStores

log = logging.getLogger("aigw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What all configurations share. `env` has the transport, the token counter and the clock. `standins` are the names
    of services that the gateway answers itself. `host` is the address on which it listens, `instance` the id by which
    it recognizes its own requests. `composer` makes the chains; None means as the books and the page need them.
    `framing` says into which pieces answers are cut; None means as they come. `book` looks up prices."""

    env: Env
    books: Books
    stores: GatewayStores
    knowledge: Knowledge
    screening: Screening
    inspection: Inspection
    standins: Sequence[str]
    host: str
    instance: str
    composer: Composer | None
    framing: Framing | None
    book: Book


class Generation:
    """A configuration in service. `busy` counts the requests that it answers. `retired` is whether it gets no new ones.
    `idle` is set when it has none left then."""

    def __init__(self, env: Env, edge: Edge, plugins: AsyncExitStack, embedders: EmbedderTable, prices: Prices) -> None:
        self.env = env
        self.embedders = embedders
        self.prices = prices
        self.edge = edge
        self.busy = 0
        self.retired = False
        self.idle = asyncio.Event()
        self._plugins = plugins

    def retire(self) -> None:
        self.retired = True
        if not self.busy:
            self.idle.set()

    async def aclose(self, seconds: float | None) -> None:
        """Closes the plugins after what requests have deferred, which gets so many seconds, None: as long as it
        takes."""
        await self.edge.settled(seconds)
        await self._plugins.aclose()


async def open_generation(loaded: Loaded, lasting: Lasting) -> Generation:
    """Opens the plugins of a configuration. If anything is raised, nothing of it is left open."""
    config = loaded.config
    services = loaded.services.with_standins(lasting.standins)
    stores = lasting.stores.by(services)
    prices = Prices(config.prices, lasting.book, partial(models_to_name, loaded))
    env = _env(loaded, replace(lasting.env, services=services, stores=stores, prices=prices))
    embedders, jobs = lasting.knowledge.embedders(config.rag, env), Jobs()
    asker = Asker(env.clock, env.new_id, lasting.books.request_log.note, jobs)
    env = replace(env, retrieval=lasting.knowledge.retrieval(embedders), models=asker)
    async with AsyncExitStack() as stack:
        pipeline = _pipeline(loaded, lasting, env)
        await pipeline.open(env, stack)
        if green_cip.STANDIN in services.answered or config.standins.green_cip:
            await lasting.screening.prepare(loaded)
        for name in stores.unused():
            log.warning("services: no plugin has a Redis named %s; is it misspelt?", name)
        own = standin_routes.routes(config.standins, lasting.standins)
        routes = RouteTable(config.routes, pipeline, services, env.timeouts, loaded.hosts.host, own)
        asker.open(routes.find_own, routes.names)
        return Generation(env, _edge(loaded, lasting, env, routes, jobs), stack.pop_all(), embedders, prices)


def _env(loaded: Loaded, env: Env) -> Env:
    """Returns the environment with the settings of the configuration."""
    config = loaded.config
    return replace(
        env,
        fidelity=config.fidelity,
        timeouts=Timeouts(config.timeouts.connect, config.timeouts.first_byte, config.timeouts.idle),
        folder=loaded.path.parent if loaded.path is not None else Path(),
        responses=Keeping(config.responses.ttl, config.responses.most) if config.responses.store else None,
    )


def _pipeline(loaded: Loaded, lasting: Lasting, env: Env) -> Pipeline:
    composer, watcher = _composers(loaded, lasting, env.clock)
    forward = Forward(env.upstream, judges_ends=env.choose(safe=True, higress=False))
    return Pipeline(list(loaded.plugins.values()), forward, composer, loaded.hosts.host, watcher)


def _composers(loaded: Loaded, lasting: Lasting, clock: Clock) -> tuple[Composer | None, Composer | None]:
    """Returns what makes the chains, and what makes the chains that are watched. A command with chains of its own has
    neither."""
    if lasting.composer is not None:
        return lasting.composer, None
    secrets, traces = secrets_in(loaded), lasting.books.traces
    watcher = lasting.inspection.watch.composer(clock, secrets, traces.add if traces is not None else None)
    return traces.tracer(secrets, clock) if traces is not None else None, watcher


def _edge(loaded: Loaded, lasting: Lasting, env: Env, routes: RouteTable, jobs: Jobs) -> Edge:
    config = loaded.config
    off = env.choose(safe=standin_routes.names_off(config.standins), higress=[])
    return Edge(
        routes.find,
        env=env,
        guard=_guard(config, lasting.host),
        max_body=config.max_body,
        max_kept=config.max_kept_upload,
        body_seconds=config.timeouts.body,
        admin=_admin(loaded, lasting, env),
        record=lasting.books.request_log.note,
        jobs=jobs,
        instance=lasting.instance,
        explain=partial(standin_routes.explained, off=off),
        watch=lasting.inspection.watch,
        framing=lasting.framing,
    )


def _guard(config: GatewayConfig, host: str) -> Guard:
    return Guard(
        hosts=[host, *config.hosts, *standin_routes.hosts(config.standins)],
        origins=config.cors.origins,
        addresses=not is_loopback(host),
        listen=config.listen,
    )


def _admin(loaded: Loaded, lasting: Lasting, env: Env) -> Admin:
    return Admin(
        usage=lasting.books.usage,
        metrics=lasting.books.metrics,
        clock=env.clock,
        key=loaded.config.admin_key,
        shown=lambda: effective(loaded).values,
        page=lasting.inspection.page(Inside(loaded, env, lasting.knowledge, lasting.screening)),
    )

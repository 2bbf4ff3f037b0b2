"""One HTTP/1.1 connection over an asyncio protocol, one exchange at a time.

Rules: no task, queue or stream reader stands between the socket and the body. A waiter is woken once for each read. A
body that was cut short never looks complete. If anything about a connection is in doubt, it is dropped and never used
again."""

from __future__ import annotations

import asyncio
from typing import cast

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Request, Timeouts
from aigw.upstream.body import HIGH_WATER, Response
from aigw.upstream.deadline import Deadline
from aigw.upstream.head import declared_length
from aigw.upstream.pool import Pool
from aigw.upstream.reader import ResponseReader

ONE_WRITE = 64 * 1024
"""A body of at most this many bytes is written together with its head; a larger one is written after it."""


class UnansweredError(UpstreamError):
    """The peer closed the connection before the first byte of an answer, perhaps because a kept connection was too
    old. `seconds` is how long it had the request."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(UpstreamFault.RESET, message)
        self.seconds = seconds


class Connection(asyncio.Protocol):
    """A connection begins idle. `exchange` makes it busy; the end of the response puts it into the pool or drops it."""

    _transport: asyncio.Transport

    def __init__(self, pool: Pool[Connection], origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.paused = False
        self.idle_since = 0.0
        self._pool = pool
        self._loop = loop
        self._reader = ResponseReader(self)
        self._deadline = Deadline(loop, self._expired)
        self._timeouts = Timeouts()
        self._waiter: asyncio.Future[Response | None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._busy = False
        self._exchanges = 0
        self._closed = False
        self._uploading = False
        self._unsent = 0

    # The upstream and the body call these.

    async def exchange(self, head: bytes, request: Request, timeouts: Timeouts) -> Response:
        """Sends a request and waits for the head of the answer. Raises UpstreamError, or what `request.upload`
        raised."""
        if self._closed:
            raise UnansweredError(f"{self.origin}: the connection was closed before the request")
        self._busy = True
        self._exchanges += 1
        mine = self._exchanges
        self._timeouts = timeouts
        self._reader.start(request.method)
        waiter: asyncio.Future[Response | None] = self._loop.create_future()
        self._waiter = waiter
        upload = self._write(head, request)
        try:
            response = await waiter
            if upload is not None and not upload.done():
                upload.cancel()
                await asyncio.wait((upload,))
        except asyncio.CancelledError:
            if upload is not None:
                upload.cancel()
            self._give_up(waiter, mine)
            raise
        if response is None:
            assert self._error is not None
            raise self._error
        return response

    async def wait_for_more(self) -> None:
        """Waits until the body has more bytes, or has ended."""
        if self._waiter is not None:
            raise RuntimeError("a body has one reader")
        waiter = self._waiter = self._loop.create_future()
        self._deadline.arm(self._timeouts.idle)
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                self._waiter = None
                self._deadline.disarm()

    def resume(self) -> None:
        self.paused = False
        self._transport.resume_reading()

    def drop(self) -> None:
        """Closes the socket at once."""
        if self._closed:
            return
        self._closed = True
        self._busy = False
        self._deadline.close()
        self._transport.abort()
        self._pool.forget(self)
        self._wake()

    def _give_up(self, waiter: asyncio.Future[Response | None], mine: int) -> None:
        """Called when the caller of `exchange` was cancelled. If the answer came at the same moment, the connection may
        be in the pool, and may have another request already."""
        if waiter.cancelled():
            if self._busy and self._exchanges == mine:
                self.drop()
        elif (response := waiter.result()) is not None:
            response.body.close()

    # Sending

    def _write(self, head: bytes, request: Request) -> asyncio.Task[None] | None:
        if request.upload is not None:
            self._uploading = True
            self._transport.write(head)
            upload = self._loop.create_task(self._upload(request))
            upload.add_done_callback(self._uploaded)
            return upload
        if len(request.body) <= ONE_WRITE:
            self._transport.write(head + request.body)
        else:
            self._transport.write(head)
            self._transport.write(request.body)
            self._unsent = self._transport.get_write_buffer_size()
        self._deadline.arm(self._timeouts.first_byte)
        return None

    async def _upload(self, request: Request) -> None:
        length = left = declared_length(request)
        async for piece in request.pieces():
            if left is None:
                if piece:  # an empty chunk would be the last one
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            elif len(piece) <= left:
                left -= len(piece)
                self._transport.write(piece)
            else:
                left = -1
                break
            if self._drained is not None:
                await self._drain()
        if left is None:
            self._transport.write(b"0\r\n\r\n")
        elif left != 0:
            message = f"{self.origin}: the request body does not have the {length} bytes that its content-length says"
            raise UpstreamError(UpstreamFault.PROTOCOL, message)

    async def _drain(self) -> None:
        assert self._drained is not None
        self._unsent = self._transport.get_write_buffer_size()
        self._deadline.arm(self._timeouts.first_byte)
        try:
            await self._drained
        finally:
            self._deadline.disarm()

    def _uploaded(self, upload: asyncio.Task[None]) -> None:
        error = None if upload.cancelled() else upload.exception()
        if self._reader.response is not None or self._closed:
            return
        if error is not None:
            self._fail(error)
        elif upload.cancelled():
            self._fail(UpstreamError(UpstreamFault.RESET, f"{self.origin}: the upload of the request was cancelled"))
        else:
            self._uploading = False
            self._deadline.arm(self._timeouts.first_byte)

    # The event loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.open_connections += 1

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self.drop()
            return
        reader = self._reader
        try:
            reader.feed(data)
        except ValueError as error:
            self._fail(UpstreamError(UpstreamFault.PROTOCOL, f"{self.origin}: this is not a valid answer: {error}"))
            return
        response = reader.response
        if reader.ended:
            self._finish()
        elif response is not None:
            if response.body.size > HIGH_WATER and not self.paused:
                self.paused = True
                self._transport.pause_reading()
            self._wake()

    def eof_received(self) -> None:
        self._peer_closed(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer_closed(error)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _peer_closed(self, error: Exception | None) -> None:
        reader = self._reader
        if not self._busy:
            self.drop()
        elif reader.response is not None and reader.until_close and error is None:
            self._finish()
        elif reader.begun:
            message = f"{self.origin}: the connection was closed in the middle of the answer"
            self._fail(UpstreamError(UpstreamFault.RESET, message))
        else:
            message = f"{self.origin}: the connection was closed before the answer"
            self._fail(UnansweredError(message, self._timeouts.first_byte - self._deadline.left))

    def _expired(self) -> None:
        if not self._busy:
            self.drop()
        elif self._reader.response is not None:
            message = f"{self.origin}: nothing more of the answer in {self._timeouts.idle:g} s"
            self._fail(UpstreamError(UpstreamFault.IDLE_TIMEOUT, message))
        elif 0 < (unsent := self._transport.get_write_buffer_size()) < self._unsent:
            # The request is still being sent, so the wait for the first byte has not begun.
            self._unsent = unsent
            self._deadline.arm(self._timeouts.first_byte)
        else:
            message = f"{self.origin}: no answer in {self._timeouts.first_byte:g} s"
            self._fail(UpstreamError(UpstreamFault.FIRST_BYTE_TIMEOUT, message))

    # Ends

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            self._deadline.disarm()
            if not waiter.done():
                waiter.set_result(self._reader.response)

    def _finish(self) -> None:
        """Called when the response is complete."""
        reader = self._reader
        assert reader.response is not None
        reader.response.body.end(None)
        self._wake()
        reader.response = None
        self._busy = False
        if reader.keep and not self._uploading and not self.paused and self._pool.put(self):
            self._deadline.arm(self._pool.idle_seconds)
        else:
            self.drop()

    def _fail(self, error: BaseException) -> None:
        response = self._reader.response
        if response is None:
            self._error = error
        else:
            assert isinstance(error, UpstreamError)
            response.body.end(error)
        self.drop()

"""A response and its body as it arrives. Rule: bytes are delivered as soon as they are there, all of them at once.

The body owns its bytes; the connection that fills it is freed when the last byte has arrived, read or not."""

from __future__ import annotations

from typing import Protocol

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault

HIGH_WATER = 256 * 1024
"""Unread bytes from which on the connection is not read any more."""


class Source(Protocol):
    """The connection behind a body that has not ended."""

    paused: bool

    async def wait_for_more(self) -> None: ...

    def resume(self) -> None: ...

    def drop(self) -> None: ...


class Body:
    """An `UpstreamBody`. A cancelled read loses nothing: it may be repeated, or followed by `aclose`."""

    __slots__ = ("_error", "_pieces", "_source", "size")

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source
        self._pieces: list[bytes] = []
        self._error: UpstreamError | None = None
        self.size = 0
        """Unread bytes."""

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._source is None:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._source.wait_for_more()
        pieces = self._pieces
        self._pieces = []
        self.size = 0
        if self._source is not None and self._source.paused:
            self._source.resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Frees what is unread and closes the connection if the body has not ended."""
        self._pieces.clear()
        self.size = 0
        source = self._source
        if source is not None:
            self.end(UpstreamError(UpstreamFault.RESET, "the body was closed before its end"))
            source.drop()

    # What follows is for the connection.

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)
        self.size += len(data)

    def end(self, error: UpstreamError | None) -> None:
        """Detaches the connection. What has arrived can still be read; then comes the end, or `error`."""
        self._source = None
        self._error = error


class Response:
    """An `UpstreamResponse`."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: CIMultiDict[str], body: Body) -> None:
        self.status = status
        self.headers = headers
        self.body = body

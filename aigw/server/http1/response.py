"""The responses that a connection writes: those whose body is at hand, and those that are written piece by piece.

Rule: the head leaves together with the first piece. A header that could be read as two is refused, never repaired."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from multidict import CIMultiDict

from aigw.core.pace import LARGE
from aigw.server.http1.request import HttpRequest, Peer

_NO_CONTENT = 204
"""The status as a number, because looking it up in `HTTPStatus` runs Python code."""
_UNTIL_READ = 0.1
"""Seconds in which a program reads what it got before its connection breaks."""


class PlainResponse:
    """A response whose body is at hand. `sent`: it was written already."""

    __slots__ = ("body", "headers", "sent", "status")

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.status = status
        self.headers: CIMultiDict[str] = CIMultiDict(headers or {})
        self.body = body
        self.sent = False

    def send(self, http: HttpRequest) -> None:
        """Raises ValueError for a header with a line break."""
        headers, peer, has_body = self.headers, http.peer, not is_bodiless(self.status)
        if has_body:
            headers["Content-Length"] = str(len(self.body))
        _settle(http, self.status, headers)
        head = encode_head(self.status, headers)
        if not has_body or http.method == "HEAD":
            peer.write(head)
        elif len(self.body) > LARGE:
            peer.write(head, self.body)  # without a copy
        else:
            peer.write(head + self.body)  # two pieces take 2 us more
        self.sent = True


class StreamedResponse:
    """A response that is written piece by piece. `begun`: the client has got a part of it."""

    __slots__ = ("_chunked", "_head", "_left", "_peer", "_silent", "begun", "headers", "status")

    def __init__(self, http: HttpRequest, status: int, headers: CIMultiDict[str]) -> None:
        """Raises ValueError for a header with a line break."""
        self.status = status
        self.headers = headers
        self.begun = False
        self._peer: Peer = http.peer
        self._silent = http.method == "HEAD" or is_bodiless(status)
        length = headers.get("content-length")
        self._left = int(length) if length is not None and length.isdecimal() else None
        self._chunked = self._left is None and not self._silent and http.version != "1.0"
        if self._chunked:
            headers.popall("content-length", None)  # it was no number
            headers["Transfer-Encoding"] = "chunked"
        elif self._left is None and not self._silent:
            http.peer.keeps = False  # the end of the connection is the end of the body
        _settle(http, status, headers)
        self._head = encode_head(status, headers)

    async def write(self, data: bytes) -> None:
        """Waits while the client reads too slowly. Raises ConnectionError if it has left."""
        peer = self._peer
        if peer.gone:
            raise ConnectionResetError("the client has left")
        head = b"" if self.begun else self._head
        self.begun = True
        if self._silent or not data:
            peer.write(head)
        elif self._chunked and len(data) > LARGE:
            peer.write(b"%b%x\r\n" % (head, len(data)), data, b"\r\n")  # without a copy
        elif self._chunked:
            peer.write(b"%b%x\r\n%b\r\n" % (head, len(data), data))
        else:
            peer.write(head, self._cut(data))
        if peer.slow:
            await peer.drained()

    async def end(self) -> None:
        """Raises ConnectionError if the client has left."""
        peer = self._peer
        if peer.gone:
            raise ConnectionResetError("the client has left")
        head = b"" if self.begun else self._head
        self.begun = True
        if self._chunked:
            peer.write(head + b"0\r\n\r\n")
        elif head:
            peer.write(head)
        if self._left and not self._silent:
            peer.keeps = False  # the client waits for more, which does not come
        if peer.slow:
            await peer.drained()

    async def cut(self) -> None:
        """Ends a body of pieces without its last one: the connection is closed when all is written, and a moment
        later, because Node.js throws away what its program has not read when a connection breaks."""
        self._peer.keeps = False
        await asyncio.sleep(_UNTIL_READ)

    def _cut(self, data: bytes) -> bytes:
        """Cuts data to the length that was announced."""
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data


def is_bodiless(status: int) -> bool:
    """Whether a response of this status has neither a body nor a length."""
    return status < 200 or status in (204, 304)


def _settle(http: HttpRequest, status: int, headers: CIMultiDict[str]) -> None:
    """Says whether the connection stays, and when the response was made. Clients wait for a body of the length that a
    204 names, although it may name none."""
    peer = http.peer
    if status < 200 or status == _NO_CONTENT:
        headers.popall("content-length", None)
    if headers.get("connection", "").lower() == "close" or http.expects:
        peer.keeps = False  # who has waited for leave to send a body may send it all the same
    if not peer.keeps:
        headers["Connection"] = "close"
    elif http.version == "1.0":
        headers["Connection"] = "keep-alive"
    if "date" not in headers:
        headers["Date"] = _date(int(time.time()))


def encode_head(status: int, headers: CIMultiDict[str]) -> bytes:
    """Raises ValueError for a header with a line break; its message shows no value."""
    lines = [_status_line(status), *map(": ".join, headers.items())]
    text = "\r\n".join(lines) + "\r\n\r\n"
    breaks = len(lines) + 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ValueError("a header of the answer has a line break or a NUL")
    return text.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def _status_line(status: int) -> str:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    return f"HTTP/1.1 {status} {reason}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)

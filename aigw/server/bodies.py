"""Reads and decodes request bodies. Neither the body nor the decoded body may be larger than the bound, and a body may
not come slower than that either.

An upload up to a size is read whole, so that it can be sent again. Of a larger one only the beginning is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from aigw.core.aside import aside
from aigw.core.coded_body import uncoded
from aigw.core.content_coding import DECODERS, TooLargeError, codings_of
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects.bodies import begins_object
from aigw.server.http1.request import HttpRequest
from aigw.server.process_limits import SMALL

SLOWEST = 1024
"""How many bytes a second a client must send on average, once it has used up the time that every body has."""
BEGINNING = 64 * 1024
"""How many bytes are read of an upload that is too large to be kept. SDKs write the fields of a form at the
beginning."""


async def decode(body: bytes, encodings: str, limit: int) -> bytes:
    """Undoes a Content-Encoding. Raises GatewayError: 415 if it is unknown, 400 if the body is corrupt, 413 if the
    decoded body has more than `limit` bytes."""
    names = codings_of(encodings)
    for name in names:
        if name not in DECODERS:
            known = ", ".join(sorted(DECODERS))
            raise GatewayError(
                415, f"unknown content-encoding '{name}'; send one of {known}", code="unsupported_encoding"
            )
    try:
        decoded, whole = await uncoded(body, encodings, limit)
    except TooLargeError:
        raise too_large(limit) from None
    except ValueError:
        whole = False
    if not whole:
        message = f"the request body is not valid {', '.join(names)}"
        raise GatewayError(400, message, code="invalid_encoding")
    return decoded


async def unpack_object(request: Request, limit: int) -> bool:
    """Decodes the body if a JSON object is in it. Returns whether it did. Raises GatewayError 413 as `decode` does."""
    try:
        body = await decode(request.body, ",".join(request.headers.getall("content-encoding")), limit)
    except GatewayError as error:
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        return False  # a provider may know the coding
    if begins_object(body):
        request.body = body
        return True
    return False


def is_mislabelled(request: Request) -> bool:
    """Whether the body is a JSON object although its content type does not say so. It must not be overlooked here,
    because providers read it all the same."""
    return request.method == "POST" and not request.says_json and begins_object(request.body)


def refuse_duplicate_names(body: Document) -> None:
    """Refuses a body whose meaning depends on who reads it: plugins decide by it, and the provider reads it, too."""
    try:
        body.refuse_duplicate_names()
    except ValueError as error:
        raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None


def too_slow() -> GatewayError:
    message = "the request body came too slowly (timeouts.body); send it again"
    return GatewayError(408, message, code="request_timeout", headers={"Connection": "close"})


def too_large(limit: int) -> GatewayError:
    return GatewayError(
        413,
        f"the request body is larger than {limit} bytes (max_body)",
        code="request_too_large",
        plain=(413, "request payload too large"),
    )


async def read(http: HttpRequest, bounds: Bounds) -> bytes:
    """Reads the whole body. Raises GatewayError as `Incoming` does."""
    if not http.body.complete:
        return (await Incoming(http, bounds).begin(bounds.largest))[0]
    body = await http.body.read()  # a small body came with its head
    if len(body) > bounds.largest:
        raise too_large(bounds.largest)
    return body


class Bounds(NamedTuple):
    """The bounds of a body. `largest` is its size in bytes. `seconds` may pass until the next piece, and for the whole
    body `seconds` and one more for each SLOWEST bytes; 0 means no bound. `note` is called with the size of what has
    arrived if the body's size was not announced."""

    largest: int
    seconds: float = 0.0
    note: Callable[[int], None] | None = None


class Incoming:
    """A body that is still coming in. Raises GatewayError: 413 if it is too large, 408 if it comes too slowly, and
    what `note` raises."""

    def __init__(self, http: HttpRequest, bounds: Bounds) -> None:
        self._body = http.body
        length = http.headers.get("content-length", "")
        self._length = int(length) if length.isdecimal() else None
        self._bounds = bounds
        self._size = 0
        self._waited = 0.0

    async def begin(self, kept: int) -> tuple[bytes, AsyncIterator[bytes] | None]:
        """Returns all of it and None, or the beginning and the rest if it has more than `kept` bytes."""
        length = self._length
        if length is not None and self._bounds.largest >= length > kept:
            kept = min(kept, BEGINNING)
        pieces: list[bytes] = []
        while self._size <= kept and kept:
            piece = await self._next()
            if not piece:
                return await aside(self._size, b"".join, pieces), None
            pieces.append(piece)
        return b"".join(pieces), self._rest()

    async def _rest(self) -> AsyncIterator[bytes]:
        while piece := await self._next():
            yield piece

    async def _next(self) -> bytes:
        bounds = self._bounds
        if bounds.seconds and not self._body.complete:
            piece = await self._in_time()
        else:
            piece = await self._body.read()
        self._size += len(piece)
        if self._size > bounds.largest:
            raise too_large(bounds.largest)
        if bounds.note is not None and self._size > SMALL:
            bounds.note(self._size)
        return piece

    async def _in_time(self) -> bytes:
        """Waits for the next piece. Only the time spent waiting for the client counts."""
        seconds, loop = self._bounds.seconds, asyncio.get_running_loop()
        began, left = loop.time(), seconds + self._size / SLOWEST - self._waited
        try:
            async with asyncio.timeout(min(seconds, left)):
                return await self._body.read()
        except TimeoutError:
            raise too_slow() from None
        finally:
            self._waited += loop.time() - began


@lru_cache(maxsize=256)
def is_upload(content_type: str) -> bool:
    """True for bodies that are passed on piece by piece: files, not text that a plugin could read."""
    kind = content_type.partition(";")[0].strip().lower()
    return not (
        kind == ""
        or kind.startswith("text/")
        or "json" in kind
        or kind in ("application/x-www-form-urlencoded", "application/xml")
    )

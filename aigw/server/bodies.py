"""Reads and decodes request bodies. Neither the body nor the decoded body may be larger than the bound.

An upload up to a size is read whole, so that it can be sent again. Of a larger one only the beginning is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web

from aigw.core.content_coding import DECODERS, codings_of
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Request
from aigw.dialects.bodies import begins_object

BEGINNING = 64 * 1024
"""So many bytes are read of an upload that is known to be too large to be kept: SDKs write the fields of a form there.
"""


def decode(body: bytes, encodings: str, limit: int) -> bytes:
    """Undoes a Content-Encoding. Raises GatewayError: 415 if it is unknown, 400 if the body is corrupt, 413 if the
    decoded body has more than `limit` bytes."""
    for name in codings_of(encodings):
        if name not in DECODERS:
            known = ", ".join(sorted(DECODERS))
            raise GatewayError(
                415, f"unknown content-encoding '{name}'; send one of {known}", code="unsupported_encoding"
            )
        decoder = DECODERS[name]()
        try:
            decoded = decoder.feed(body, limit)
        except Exception:  # noqa: BLE001  each library has an error class of its own
            raise _corrupt(name) from None
        if len(decoded) > limit:
            raise too_large(limit)
        if not decoder.complete():
            raise _corrupt(name)
        body = decoded
    return body


def unpack_object(request: Request, limit: int) -> bool:
    """Decodes the body if a JSON object is in it. Returns whether it did. Raises GatewayError 413 as `decode` does."""
    try:
        body = decode(request.body, ",".join(request.headers.getall("content-encoding")), limit)
    except GatewayError as error:
        if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise
        return False  # whoever can read it is not aigw
    if begins_object(body):
        request.body = body
        return True
    return False


def is_mislabelled(request: Request) -> bool:
    """Whether the body is a JSON object, and its label does not say so. Providers read it all the same, so that nobody
    here may overlook it."""
    return request.method == "POST" and not request.says_json and begins_object(request.body)


def refuse_twins(body: Document) -> None:
    """Refuses a body whose meaning depends on who reads it: plugins decide by it, and the provider reads it, too."""
    try:
        body.refuse_twins()
    except ValueError as error:
        raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None


def _corrupt(name: str) -> GatewayError:
    return GatewayError(400, f"the request body is not valid {name}", code="invalid_encoding")


def too_large(limit: int) -> GatewayError:
    return GatewayError(
        413,
        f"the request body is larger than {limit} bytes (max_body)",
        code="request_too_large",
        plain=(413, "request payload too large"),
    )


async def read(request: web.BaseRequest, limit: int) -> bytes:
    """Reads the whole body. Raises GatewayError 413 once it is larger than `limit` bytes."""
    content = request.content
    if content.at_eof():
        return b""
    first = await content.readany()
    if content.at_eof() and len(first) <= limit:
        return first
    pieces = [first]
    size = len(first)
    while size <= limit:
        piece = await content.readany()
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise too_large(limit)


async def begin(request: web.BaseRequest, kept: int, limit: int) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """Reads an upload that may have up to `limit` bytes. Returns all of it and None, or the beginning and the rest if
    it has more than `kept` bytes. Raises GatewayError 413 as `stream` does."""
    length, content = request.content_length, request.content
    if length is not None and length > kept:
        kept = min(kept, BEGINNING)
    pieces: list[bytes] = []
    size = 0
    while size <= kept and kept:
        piece = await content.readany()
        if not piece:
            return b"".join(pieces), None
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), stream(request, limit, size)


async def stream(request: web.BaseRequest, limit: int, size: int = 0) -> AsyncIterator[bytes]:
    """The body piece by piece, for uploads that are passed on without being held. `size` bytes were read before. Raises
    GatewayError 413 if there are more than `limit` bytes."""
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        yield piece


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

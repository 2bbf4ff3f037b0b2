"""Reads and decodes request bodies. Neither the body nor the decoded body may be larger than the bound."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from aiohttp import web

from aigw.core.errors import GatewayError


class _Decoder(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Decodes `data`. Returns at most `room` + 1 bytes."""
        ...

    def complete(self) -> bool: ...


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits)
        self._wbits = wbits

    def feed(self, data: bytes, room: int) -> bytes:
        if not self._decoder.eof and self._wbits == zlib.MAX_WBITS and data and data[0] & 0x0F != 8:
            self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)  # "deflate" without the zlib wrapper is common
        out = self._decoder.decompress(data, room + 1)
        while self._wbits > zlib.MAX_WBITS and self._decoder.eof and (more := self._decoder.unused_data):
            self._decoder = zlib.decompressobj(self._wbits)  # gzip may have several members (RFC 1952 2.2)
            out += self._decoder.decompress(more, room + 1 - len(out)) if len(out) <= room else b""
        return out

    def complete(self) -> bool:
        return self._decoder.eof and not self._decoder.unused_data


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._decoder = brotli.Decompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        out: bytes = self._decoder.process(data, output_buffer_limit=room + 1)
        while len(out) <= room and not self._decoder.can_accept_more_data() and not self._decoder.is_finished():
            out += self._decoder.process(b"", output_buffer_limit=room + 1 - len(out))
        return out

    def complete(self) -> bool:
        return bool(self._decoder.is_finished())


class _Zstd:
    def __init__(self) -> None:
        try:
            from compression import zstd  # type: ignore[import-not-found]  # Python 3.14
        except ImportError:
            from backports import zstd
        self._decoder = zstd.ZstdDecompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        out: bytes = self._decoder.decompress(data, max_length=room + 1)
        return out

    def complete(self) -> bool:
        return self._decoder.eof and not self._decoder.unused_data


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "x-gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
}


def decode(body: bytes, encodings: str, limit: int) -> bytes:
    """Undoes a Content-Encoding. Raises GatewayError: 415 if it is unknown, 400 if the body is corrupt, 413 if the
    decoded body has more than `limit` bytes."""
    for name in reversed([item.strip().lower() for item in encodings.split(",")]):
        if name in ("identity", ""):
            continue
        if name not in _DECODERS:
            known = ", ".join(sorted(_DECODERS))
            raise GatewayError(
                415, f"unknown content-encoding '{name}'; send one of {known}", code="unsupported_encoding"
            )
        decoder = _DECODERS[name]()
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


async def stream(request: web.BaseRequest, limit: int) -> AsyncIterator[bytes]:
    """The body piece by piece, for uploads that are passed on without being held. Raises GatewayError 413 if there are
    more than `limit` bytes."""
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        yield piece

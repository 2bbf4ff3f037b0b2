"""Undoes the content codings of HTTP bodies: gzip, deflate, br and zstd. Sans-io.

Rule: what comes out is bounded, because a small body may decode to a very large one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol


class Decoder(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Decodes `data`. Returns at most `room` + 1 bytes."""
        ...

    def complete(self) -> bool: ...


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits)
        self._wbits = wbits
        self._begun = False

    def feed(self, data: bytes, room: int) -> bytes:
        if data and not self._begun:
            self._begun = True
            if self._wbits == zlib.MAX_WBITS and data[0] & 0x0F != 8:
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
        self._new = zstd.ZstdDecompressor
        self._decoder = self._new()

    def feed(self, data: bytes, room: int) -> bytes:
        out = b""
        while data and len(out) <= room:
            if self._decoder.eof:
                self._decoder = self._new()  # there may be several frames (RFC 8878 3.1)
            out += self._decoder.decompress(data, max_length=room + 1 - len(out))
            data = self._decoder.unused_data
        return out

    def complete(self) -> bool:
        return self._decoder.eof and not self._decoder.unused_data


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "x-gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
}
"""By the name of the coding."""


def codings_of(header: str) -> list[str]:
    """Returns the codings in a Content-Encoding, in the order in which they must be undone."""
    names = reversed([item.strip().lower() for item in header.split(",")])
    return [name for name in names if name not in ("identity", "")]


def is_known(header: str) -> bool:
    """Whether all codings in a Content-Encoding can be undone here."""
    try:
        Decoding(header, 0)
    except (ValueError, ImportError):
        return False
    return True


class Decoding:
    """Undoes the codings of one body piece by piece."""

    def __init__(self, header: str, limit: int) -> None:
        """At most `limit` bytes come out of the whole body. Raises ValueError if a coding is unknown."""
        names = codings_of(header)
        if unknown := [name for name in names if name not in DECODERS]:
            raise ValueError(f"the content coding {unknown[0]!r} is unknown")
        self._decoders = [DECODERS[name]() for name in names]
        self._room = limit

    def feed(self, data: bytes) -> bytes:
        """Returns what `data` decodes to. Raises ValueError if the body is corrupt, or larger than the limit."""
        for decoder in self._decoders:
            try:
                data = decoder.feed(data, self._room)
            except Exception as error:  # noqa: BLE001  each library has an error class of its own
                raise ValueError(str(error)) from None
            if len(data) > self._room:
                raise ValueError("the body is too large when it is decoded")
        self._room -= len(data)
        return data

    @property
    def complete(self) -> bool:
        """Whether each coding has come to its own end."""
        return all(decoder.complete() for decoder in self._decoders)

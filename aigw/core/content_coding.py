"""Undoes the content codings of HTTP bodies: gzip, deflate, br and zstd. Sans-io.

Rule: what comes out is bounded, because a small body may decode to a very large one. It comes in pieces, with rests in
between (`core.pace`), because nobody knows its size before."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from aigw.core.pace import LARGE, rest

SLICE = 16 * 1024
"""How many bytes are decoded at once. zlib and zstd copy the input that they have not used yet, so larger slices cost
more."""


class TooLargeError(ValueError):
    """The decoded body is larger than allowed."""


class Decoder(Protocol):
    def feed(self, data: bytes, most: int) -> bytes:
        """Decodes `data`. Returns about `most` bytes. The next calls, without data, return what is left; at the end
        they return b""."""
        ...

    def complete(self) -> bool: ...


class _Members:
    """A coding whose bodies may have several members, one after another."""

    def __init__(self, new: Callable[[], Any]) -> None:
        self._new = new
        self._decoder = new()
        self._left = b""

    def feed(self, data: bytes, most: int) -> bytes:
        left, out = self._left + data, b""
        while not out and (left or not self._decoder.eof):
            if self._decoder.eof:
                self._decoder = self._new()
            out = self._decoder.decompress(left, most)
            left = self._decoder.unused_data if self._decoder.eof else self._tail()
            if not self._decoder.eof:
                break
        self._left = left
        return out

    def _tail(self) -> bytes:
        """The input that the decoder has not used yet and does not keep by itself."""
        return b""

    def complete(self) -> bool:
        return self._decoder.eof and not self._left


class _Gzip(_Members):  # RFC 1952 2.2
    def __init__(self) -> None:
        super().__init__(lambda: zlib.decompressobj(zlib.MAX_WBITS | 16))

    def _tail(self) -> bytes:
        tail: bytes = self._decoder.unconsumed_tail
        return tail


class _Zstd(_Members):  # RFC 8878 3.1
    def __init__(self) -> None:
        try:
            from compression import zstd  # type: ignore[import-not-found]  # Python 3.14
        except ImportError:
            from backports import zstd
        super().__init__(zstd.ZstdDecompressor)


class _Deflate:
    def __init__(self) -> None:
        self._decoder = zlib.decompressobj()
        self._begun = False
        self._surplus = False

    def feed(self, data: bytes, most: int) -> bytes:
        if data and not self._begun:
            self._begun = True
            if data[0] & 0x0F != 8:
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)  # without the zlib wrapper is common, too
        if self._decoder.eof:
            self._surplus = self._surplus or data != b""
            return b""
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, most)

    def complete(self) -> bool:
        return self._decoder.eof and not self._decoder.unused_data and not self._surplus


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._decoder = brotli.Decompressor()

    def feed(self, data: bytes, most: int) -> bytes:
        out: bytes = self._decoder.process(data, output_buffer_limit=most)
        return out

    def complete(self) -> bool:
        return bool(self._decoder.is_finished())


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
"""What decodes each content coding, by its name."""


NO_CODINGS = frozenset(("identity", "", "none", "utf-8", "utf8", "binary", "8bit"))
"""What servers write where nothing is coded. Clients take no notice of the wrong ones."""


def codings_of(header: str) -> list[str]:
    """Returns the codings in a Content-Encoding, in the order in which they must be undone."""
    names = reversed([item.strip().lower() for item in header.split(",")])
    return [name for name in names if name not in NO_CODINGS]


def is_known(header: str) -> bool:
    """Whether all codings in a Content-Encoding can be undone here."""
    try:
        Decoding(header, 0)
    except (ValueError, ImportError):
        return False
    return True


def _decoded(decoder: Decoder, given: Iterable[bytes], room: int) -> Iterator[bytes]:
    """Yields what `given` decodes to. Raises TooLargeError for more than `room` bytes, ValueError if it is corrupt."""
    try:
        for data in given:
            for start in range(0, len(data), SLICE):
                part = data[start : start + SLICE]
                while piece := decoder.feed(part, min(LARGE, room + 1)):
                    room -= len(piece)
                    if room < 0:
                        raise TooLargeError("the body is too large when it is decoded")
                    yield piece
                    part = b""
                    rest()
                rest()
    except TooLargeError:
        raise
    except Exception as error:  # noqa: BLE001  each library has an error class of its own
        raise ValueError(str(error)) from None


class Decoding:
    """Undoes the codings of one body piece by piece."""

    def __init__(self, header: str, limit: int) -> None:
        """`limit` is the largest size of the decoded body, in bytes. Raises ValueError if a coding is unknown."""
        names = codings_of(header)
        if unknown := [name for name in names if name not in DECODERS]:
            raise ValueError(f"the content coding {unknown[0]!r} is unknown")
        self._decoders = [DECODERS[name]() for name in names]
        self._room = limit

    def feed(self, data: bytes) -> bytes:
        """Returns what `data` decodes to. Raises ValueError if the body is corrupt, or larger than the limit."""
        return b"".join(self.pieces(data))

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Like `feed`, but yields short pieces. All of them must be read before more data is given."""
        pieces: Iterable[bytes] = (data,)
        for decoder in self._decoders:
            pieces = _decoded(decoder, pieces, self._room)
        for piece in pieces:
            self._room -= len(piece)
            yield piece

    @property
    def complete(self) -> bool:
        """Whether each coding has come to its own end."""
        return all(decoder.complete() for decoder in self._decoders)

"""Undoes the content coding of bodies without holding up others.

Rule: the decoded size is not known in advance. Once a body turns out to be large, the rest of it is decoded in the
thread of `core.aside`."""

from __future__ import annotations

from itertools import chain

from aigw.core.aside import aside
from aigw.core.content_coding import Decoding, codings_of
from aigw.core.pace import LARGE


async def uncoded(body: bytes, header: str, limit: int) -> tuple[bytes, bool]:
    """Decodes a whole body with the codings that `header` names. Returns the decoded body, and whether it was complete.
    Raises TooLargeError for more than `limit` bytes, ValueError if it is corrupt or a coding is unknown, ImportError if
    the package for a coding is not installed."""
    decoding = Decoding(header, limit)
    if len(codings_of(header)) > 1:
        return await aside(LARGE + 1, decoding.feed, body), decoding.complete
    return await fed(decoding, body), decoding.complete


async def fed(decoding: Decoding, data: bytes) -> bytes:
    """Returns what `data` decodes to. Raises as `Decoding.feed` does."""
    if len(data) > LARGE:
        return await aside(len(data), decoding.feed, data)
    decoded, size, pieces = [], 0, decoding.pieces(data)
    for piece in pieces:
        decoded.append(piece)
        size += len(piece)
        if size > LARGE:
            return await aside(size, b"".join, chain(decoded, pieces))
    return b"".join(decoded)

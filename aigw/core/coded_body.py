"""Undoes the content coding of a body that is there as a whole, without holding up others."""

from __future__ import annotations

from contextlib import suppress

from aigw.core.aside import aside
from aigw.core.content_coding import Decoding, TooLargeError, codings_of
from aigw.core.pace import LARGE


async def uncoded(body: bytes, header: str, limit: int) -> tuple[bytes, bool]:
    """Returns the body without the codings that `header` names, and whether all of it was there. Raises TooLargeError
    for more than `limit` bytes, ValueError if it is corrupt or a coding is unknown, ImportError if none can undo it.

    Nobody knows how large it will be: what turns out to be large is decoded once more, aside."""
    if len(body) <= LARGE and len(codings_of(header)) < 2:
        with suppress(TooLargeError):
            return _undo(body, header, min(limit, LARGE))
    return await aside(LARGE + 1, _undo, body, header, limit)


def _undo(body: bytes, header: str, limit: int) -> tuple[bytes, bool]:
    decoding = Decoding(header, limit)
    return decoding.feed(body), decoding.complete

"""A text in another form, in which rules search, and the way back to the text as it was given."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

Span = tuple[int, int]


class Piece(NamedTuple):
    """A piece of a view, which stands for the characters from `start` to `end` of the original text. If it is `kept`,
    it is the same characters."""

    text: str
    start: int
    end: int
    kept: bool = False


def kept(text: str, start: int, end: int) -> Piece:
    return Piece(text[start:end], start, end, True)


class View(NamedTuple):
    """`place` returns the span in the text as it was given for a span of `text` that is not empty."""

    text: str
    place: Callable[[int, int], Span]


def same(text: str) -> View:
    return View(text, lambda start, end: (start, end))


def joined(pieces: Iterable[Piece]) -> View:
    """A view of pieces, one after the other."""
    parts = [piece for piece in pieces if piece.text]
    begins, at = [], 0
    for piece in parts:
        begins.append(at)
        at += len(piece.text)

    def place(start: int, end: int) -> Span:
        first = bisect_right(begins, start) - 1
        last = bisect_right(begins, end - 1) - 1
        return _original(parts[first], start - begins[first])[0], _original(parts[last], end - 1 - begins[last])[1]

    return View("".join(piece.text for piece in parts), place)


def seen_through(view: View, inner: View) -> View:
    """The inner view, which was made of the text of `view`, as a view of what `view` was made of."""
    return View(inner.text, lambda start, end: view.place(*inner.place(start, end)))


def _original(piece: Piece, offset: int) -> Span:
    """Returns where the character at this offset stood in the original text. A character of a replaced piece stands for
    the whole piece."""
    if piece.kept:
        return piece.start + offset, piece.start + offset + 1
    return piece.start, piece.end

"""Plain text: what stands between blank lines is a paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigw.rag.document import Block, Document, Kind
from aigw.rag.readers.encoding import decode


def read(data: bytes, charset: str = "") -> Document:
    lines = decode(data, charset).split("\n")
    return Document("", list(paragraphs(lines, 0, len(lines))))


def paragraphs(lines: Sequence[str], start: int, end: int, kind: Kind = "paragraph") -> Iterator[Block]:
    """Yields the paragraphs between blank lines, from line number `start` (from 0) to before `end`."""
    first = start
    for number in range(start, end + 1):
        if number == end or not lines[number].strip():
            if number > first:
                yield slice_of(lines, first, number, kind)
            first = number + 1


def slice_of(lines: Sequence[str], start: int, end: int, kind: Kind) -> Block:
    return Block(kind, "\n".join(lines[start:end]), start + 1, end)


def trimmed(lines: Sequence[str], start: int, end: int, kind: Kind) -> Iterator[Block]:
    """All of these lines as one block, without the blank ones at its ends; none if all are blank."""
    while start < end and not lines[start].strip():
        start += 1
    while start < end and not lines[end - 1].strip():
        end -= 1
    if start < end:
        yield slice_of(lines, start, end, kind)

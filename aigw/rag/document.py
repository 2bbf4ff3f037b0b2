"""What a reader makes of a source (a Document of Blocks), and what the chunker makes of that (Pieces).

Rule: these are plain values, which msgspec carries between processes. Lines and pages count from 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["heading", "paragraph", "code", "table", "list"]


class Block(NamedTuple):
    """A part of a document that belongs together. `text` is as it is in the source. It is "" for a heading whose words
    are not in the text, such as one from a PDF's outline. Only headings have a `level` (from 1) and a `title`. `first`
    and `last` are its lines, 0 if the format has none."""

    kind: Kind
    text: str
    first: int = 0
    last: int = 0
    page: int | None = None
    level: int = 0
    title: str = ""


class Document(NamedTuple):
    """The result of reading a source. `title` is "" if the source does not say one."""

    title: str
    blocks: Sequence[Block]


class Piece(NamedTuple):
    """A part of a document, of a size that suits the embedder. `title` is where it stands ("Guide > Install").
    `context` are those of its titles that the text does not show. The first `repeated` characters are also the end of
    the piece before it."""

    text: str
    title: str = ""
    lines: tuple[int, int] | None = None
    page: int | None = None
    context: str = ""
    repeated: int = 0

    @property
    def embedded(self) -> str:
        """The text that an embedder should read."""
        return f"{self.context}\n\n{self.text}" if self.context else self.text


class UnreadableError(Exception):
    """A source cannot be read. The message says why, without its name."""

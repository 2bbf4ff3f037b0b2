"""The sections of a document: its blocks by the headings above them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aigw.rag.document import Block, Document

_LONGEST_TITLE = 120
Path = tuple[str, ...]
"""The titles above a place, from the outermost to the innermost."""


class Section(NamedTuple):
    path: Path
    blocks: list[Block]


def sections(document: Document) -> Iterator[Section]:
    """Yields the sections in order. A heading begins a section and is its first block."""
    above = [(0, document.title[:_LONGEST_TITLE])] if document.title else []
    blocks: list[Block] = []
    for block in document.blocks:
        if block.kind == "heading":
            if blocks:
                yield Section(tuple(title for _, title in above), blocks)
            blocks = []
            _enter(above, block.level, block.title[:_LONGEST_TITLE])
        blocks.append(block)
    if blocks:
        yield Section(tuple(title for _, title in above), blocks)


def _enter(above: list[tuple[int, str]], level: int, title: str) -> None:
    while above and above[-1][0] >= level:
        above.pop()
    if above == [(0, title)]:  # the heading that the title of the document comes from
        above.pop()
    if title:
        above.append((level, title))


def common(one: Path, other: Path) -> Path:
    """The titles that both places have above them."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return one[:same]

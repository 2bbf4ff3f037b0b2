"""PPTX: slides in their order, each with its title as a heading, its texts and tables, and the speaker's notes. The
number of a slide is its page.

Rule: what a slide has twice, for programs that do not know its newer form, is read once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aigw.rag.document import Block, Document
from aigw.rag.readers.archive import Archive, all_of, local, relation

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAIN = "ppt/presentation.xml"
_TITLES = ("title", "ctrTitle")
_UNREAD = ("dt", "ftr", "hdr", "sldNum", "sldImg")
"""Dates, footers and numbers, which each slide repeats, and the picture of the slide in its notes."""


def read(data: bytes, charset: str = "") -> Document:
    archive = Archive(data, "PPTX")
    parts = archive.relations(_MAIN)
    slides = [parts.get(relation(each), "") for each in all_of(archive.xml(_MAIN), "sldId")]
    blocks = [block for page, name in enumerate(slides, 1) for block in _slide(archive, name, page)]
    return Document(next((block.title for block in blocks if block.title), ""), blocks)


def _slide(archive: Archive, name: str, page: int) -> Iterator[Block]:
    yield from sorted(dict.fromkeys(_blocks(archive.xml(name), page)), key=lambda block: block.kind != "heading")
    for other in archive.relations(name).values():
        if other.startswith("ppt/notesSlides/"):
            yield from (block for block in _blocks(archive.xml(other), page) if block.kind != "heading")


def _blocks(root: Element, page: int) -> Iterator[Block]:
    for shape in all_of(root, "sp", "tbl"):
        if local(shape) == "tbl":
            rows = [[_text(cell).replace("\n", " ") for cell in all_of(row, "tc")] for row in all_of(shape, "tr")]
            yield Block("table", "\n".join(f"| {' | '.join(row)} |" for row in rows), page=page)
            continue
        kind = next((each.get("type", "") for each in all_of(shape, "ph")), "")
        text = _text(shape) if kind not in _UNREAD else ""
        if text and kind in _TITLES:
            title = " ".join(text.split())
            yield Block("heading", title, page=page, level=1, title=title)
        elif text:
            yield Block("paragraph", text, page=page)


def _text(element: Element) -> str:
    """The paragraphs of an element, a line each."""
    return "\n".join(filter(None, ("".join(_runs(each)).strip() for each in all_of(element, "p"))))


def _runs(paragraph: Element) -> Iterator[str]:
    for each in all_of(paragraph, "t", "br"):
        yield (each.text or "") if local(each) == "t" else " "

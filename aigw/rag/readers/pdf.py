"""PDF: pypdfium2 gives the text of each page and the outline, whose titles become headings. Without an outline, lines
in a large font do.

Rule: a line that stands at the top or the bottom of most pages, but for its numbers, is no content."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from aigw.rag.document import Block, Document, UnreadableError
from aigw.rag.readers.pdf_titles import Line, Title, titles_by_size

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

_HYPHENS = ("\x02", "\ufffe")
"""The characters that PDFium writes where a word was divided at the end of a line."""
_NUMBERING = re.compile(r"^[\s\dIVXivxA-Z.:§-]*$")
_BULLET = re.compile(r"^\s*([•·▪◦‣*–-]|\(?\d{1,2}[.)])\s")
_FEW_PAGES = 3
_NO_TITLES = ("untitled", "(anonymous)", "unspecified", "anonymous")
"""The titles that programs write when they know none."""


def read(data: bytes, charset: str = "") -> Document:
    import pypdfium2

    try:
        with closing(pypdfium2.PdfDocument(data)) as document:
            return _read(document)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(_reason(str(error))) from None


def _read(document: PdfDocument) -> Document:
    pages = without_margins([_lines(document, number) for number in range(len(document))])
    titles = list(_outline(document)) or titles_by_size(pages)
    blocks = list(arrange([[line.text for line in page] for page in pages], titles))
    if not any(block.text for block in blocks):
        raise UnreadableError("no page has text; perhaps it was scanned")
    title = " ".join(document.get_metadata_value("Title").split()).removeprefix("Microsoft Word - ")
    return Document("" if title.lower() in _NO_TITLES else title, blocks)


def _reason(message: str) -> str:
    if "password" in message.lower():
        return "it needs a password"
    return f"PDFium cannot read it: {message}"


def _lines(document: PdfDocument, number: int) -> list[Line]:
    with closing(document[number]) as page, closing(page.get_textpage()) as text:
        lines: list[Line] = []
        place = 0
        divided = False
        for raw in text.get_text_range(errors="replace").split("\r\n"):
            shown = raw.replace("\r", "")
            for mark in _HYPHENS:
                shown = shown.replace(mark, "")
            if divided:
                lines[-1] = lines[-1]._replace(text=lines[-1].text + shown)
            else:
                lines.append(Line(shown.rstrip(), _size(text, place) if shown.strip() else 0.0))
            divided = raw.endswith(_HYPHENS)
            place += len(raw.encode("utf-16-le", "surrogatepass")) // 2 + 2
        return lines


def _size(text: PdfTextPage, place: int) -> float:
    """The height of a character, 0.0 if it has none."""
    import pypdfium2

    try:
        _, bottom, _, top = text.get_charbox(place, loose=True)
    except (pypdfium2.PdfiumError, IndexError, ValueError):
        return 0.0
    return round(float(top - bottom), 1)


def _outline(document: PdfDocument) -> Iterator[Title]:
    for entry in document.get_toc():
        target = entry.get_dest()
        page = target.get_index() if target else None
        title = " ".join(entry.get_title().split())
        if page is not None and title:
            yield Title(entry.level + 1, title, page + 1)


def without_margins(pages: Sequence[list[Line]]) -> list[list[Line]]:
    """The pages without the lines that stand at the top or the bottom of most of them."""
    if len(pages) <= _FEW_PAGES:
        return list(pages)
    trimmed = [list(page) for page in pages]
    for place in (0, -1):
        edges = Counter(_pattern(page[place].text) for page in trimmed if page)
        common = {pattern for pattern, times in edges.items() if times * 2 > len(pages)}
        for page in trimmed:
            if len(page) > 1 and ((edge := page[place].text.strip()).isdigit() or _pattern(edge) in common):
                page.pop(place)
    return trimmed


def _pattern(line: str) -> str:
    return re.sub(r"\d+", "0", line.strip())


def arrange(pages: Sequence[Sequence[str]], outline: Sequence[Title]) -> Iterator[Block]:
    """Paragraphs, with headings where the outline has them: at the line with the title, else before its page."""
    waiting = sorted(outline, key=lambda title: title.page)
    for number, lines in enumerate(pages, 1):
        found = {}
        start = 0
        while waiting and waiting[0].page <= number:
            title = waiting.pop(0)
            place = _place(lines, title.text, start)
            if place is None:
                yield Block("heading", "", page=number, level=title.level, title=title.text)
            else:
                found[place] = title
                start = place + 1
        yield from _page(lines, number, found)


def _place(lines: Sequence[str], title: str, start: int) -> int | None:
    for place in range(start, len(lines)):
        line = " ".join(lines[place].split())
        if line.endswith(title) and _NUMBERING.match(line[: -len(title)]):
            return place
    return None


def _page(lines: Sequence[str], number: int, titles: dict[int, Title]) -> Iterator[Block]:
    width = sorted(map(len, lines))[len(lines) * 4 // 5] if lines else 0
    paragraph: list[str] = []
    for place, line in enumerate(lines):
        title = titles.get(place)
        if paragraph and (title or not line or _BULLET.match(line) or len(paragraph[-1]) < width * 3 // 4):
            yield Block("paragraph", "\n".join(paragraph), page=number)
            paragraph = []
        if title:
            yield Block("heading", line, page=number, level=title.level, title=title.text)
        elif line:
            paragraph.append(line)
    if paragraph:
        yield Block("paragraph", "\n".join(paragraph), page=number)

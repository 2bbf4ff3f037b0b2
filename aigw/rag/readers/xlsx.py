"""XLSX: each sheet is a heading with its rows, which are written as those of CSV are. Of a formula there is the value
that was saved with it.

Rule: sheets that are hidden are left out. A line is a row of the sheet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aigw.rag.document import Block, Document
from aigw.rag.readers.archive import Archive, all_of, local, relation
from aigw.rag.readers.csv import Row, blocks_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAIN = "xl/workbook.xml"
_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
"""The numbers of the formats of dates and times that every program knows."""
_IN_DATES = re.compile(r"[ymdhs]", re.IGNORECASE)
_NO_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
"""The texts, colours and conditions in a format."""


def read(data: bytes, charset: str = "") -> Document:
    archive = Archive(data, "XLSX")
    book = archive.xml(_MAIN)
    parts = archive.relations(_MAIN)
    cells = _Cells(archive, is_1904=any(each.get("date1904") in ("1", "true") for each in all_of(book, "workbookPr")))
    blocks: list[Block] = []
    for sheet in all_of(book, "sheet"):
        rows = list(_rows(archive, parts.get(relation(sheet), ""), cells)) if _is_shown(sheet) else []
        if rows:
            name = sheet.get("name", "")
            blocks += [Block("heading", name, level=1, title=name), *blocks_of(rows)]
    return Document("", blocks)


def _is_shown(sheet: Element) -> bool:
    return sheet.get("state", "visible") == "visible"


def _rows(archive: Archive, name: str, cells: _Cells) -> Iterator[Row]:
    """A sheet may be large, so that it is never in memory as a whole. A sheet of charts has no rows."""
    from xml.etree.ElementTree import iterparse

    number = 0
    with archive.open(name) as part:
        for _, each in iterparse(part):  # noqa: S314  see archive.py
            if local(each) == "row":
                number = int(each.get("r", number + 1))
                if any(row := cells.of(each)):
                    yield number, number, row
                each.clear()


class _Cells:
    """Knows what the values of cells mean: texts are in a table of their own, and dates are numbers with a format."""

    def __init__(self, archive: Archive, *, is_1904: bool) -> None:
        self._texts = (
            [_text(each) for each in all_of(archive.xml(texts), "si")]
            if (texts := "xl/sharedStrings.xml") in archive
            else []
        )
        self._dates = list(_date_styles(archive.xml(styles))) if (styles := "xl/styles.xml") in archive else []
        self._start = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)

    def of(self, row: Element) -> list[str]:
        """Returns the texts of a row from its first column to the last one that has some."""
        found: list[str] = []
        for cell in all_of(row, "c"):
            place = _column(cell.get("r", "")) or len(found) + 1
            if text := " ".join(self._value(cell).split()):
                found += [""] * (place - len(found))
                found[place - 1] = text
        return found

    def _value(self, cell: Element) -> str:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _text(cell)
        value = next((each.text or "" for each in all_of(cell, "v")), "")
        if kind == "s":
            return self._texts[int(value)] if value else ""
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        style = int(cell.get("s", 0))
        if kind == "n" and value and style < len(self._dates) and self._dates[style]:
            return self._date(float(value)) or value
        return value

    def _date(self, days: float) -> str:
        try:
            moment = self._start + timedelta(seconds=round(days * 86_400))
        except (OverflowError, ValueError):
            return ""
        if 0 <= days < 1:
            return f"{moment:%H:%M:%S}"
        return f"{moment:%Y-%m-%d}" if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M:%S}"


def _text(element: Element) -> str:
    """The text of a cell, without how it is pronounced."""
    spoken = {id(each) for ruby in all_of(element, "rPh") for each in all_of(ruby, "t")}
    return "".join(each.text or "" for each in all_of(element, "t") if id(each) not in spoken)


def _date_styles(styles: Element) -> Iterator[bool]:
    """Says of each style of a cell whether it shows a date or a time."""
    own = {each.get("numFmtId", ""): each.get("formatCode", "") for each in all_of(styles, "numFmt")}
    for formats in all_of(styles, "cellXfs"):
        for each in all_of(formats, "xf"):
            number = each.get("numFmtId", "0")
            code = _NO_FORMAT.sub("", own.get(number, ""))
            yield bool(_IN_DATES.search(code)) if number in own else int(number) in _DATES


def _column(reference: str) -> int:
    """The number of a column from 1 ("AB12": 28), 0 if it is not named. None has more than three letters."""
    number = 0
    for letter in re.match("[A-Z]{0,3}", reference)[0]:  # type: ignore[index]
        number = number * 26 + ord(letter) - 64
    return number

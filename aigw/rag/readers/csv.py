"""CSV and TSV: each row is a line with the names of its columns, `name: Ann; age: 3`.

Rule: the first row has the names if no cell of it is empty, a number, or there twice."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from aigw.rag.document import Block, Document, UnreadableError
from aigw.rag.readers.encoding import decode

_DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"[-+\d.,%\s/:]+")
_ROWS = 20
"""How many rows make a block. A piece has several blocks, so that the tokens need not be counted row by row."""

Row = tuple[int, int, list[str]]
"""Its first and last line, and its cells."""


def read(data: bytes, charset: str = "") -> Document:
    text = decode(data, charset)
    csv.field_size_limit(max(len(text), 131072))
    try:
        return Document("", list(blocks_of(list(_rows(text)))))
    except csv.Error as error:
        raise UnreadableError(f"it is no CSV: {error}") from None


def _rows(text: str) -> Iterator[Row]:
    lines = text.split("\n")
    head = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    line = 1
    for cells in reader:
        if any(map(str.strip, cells)):
            yield line, reader.line_num, [" ".join(cell.split()) for cell in cells]
        line = reader.line_num + 1


def blocks_of(rows: Sequence[Row]) -> Iterator[Block]:
    names = rows[0][2] if len(rows) > 1 and _are_names(rows[0][2]) else []
    for start in range(1 if names else 0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        yield Block("table", "\n".join(_line(cells, names) for _, _, cells in some), some[0][0], some[-1][1])


def _are_names(cells: Sequence[str]) -> bool:
    return all(cells) and len(set(cells)) == len(cells) and not any(map(_NUMBER.fullmatch, cells))


def _line(cells: Sequence[str], names: Sequence[str]) -> str:
    known = [f"{name}: {cell}" for name, cell in zip(names, cells, strict=False) if cell]
    return "; ".join([*known, *filter(None, cells[len(names) :])])

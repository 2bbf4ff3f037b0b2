"""Fits texts into lines of a terminal.

Rule: a text of clients, providers and servers is made plain (`core.plain`) before it is measured and printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aigw.core.plain import plain


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines in which the cells of all rows stand below each other, two spaces apart."""
    rows = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            f"{cell}{' ' * (width - cells(cell))}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()


def fitted(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Lines as `columns` makes them, none wider than `width`: the last column is cut, and ends in `…` then."""
    for line in columns(rows):
        yield cut(line, width)


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """Shortens a text at its end to `width` cells at most."""
    if text.isascii():
        return text if len(text) <= width else f"{text[: width - 1]}…"
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def shorten(text: str, width: int) -> str:
    """Shortens a text in its middle, so that both the family and the version of a model can be read."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    head = (width - 1) // 2
    tail = width - 1 - head
    end = text[len(text) - tail :] if tail else ""
    while cell_len(end) > tail:
        end = end[1:]
    start = text[:head]
    while cell_len(start) > head:
        start = start[:-1]
    return set_cell_size(f"{start}…{end}", width)

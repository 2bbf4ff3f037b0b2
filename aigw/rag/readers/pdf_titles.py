"""Titles of a PDF that has no outline: lines in a font that is larger than that of the text. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_LARGER = 1.15
_LONGEST = 120
_LEVELS = 4
_MOST = 0.25
"""If a larger share of the lines looks like titles, none of them is a title."""


class Line(NamedTuple):
    """A line of a page, and the height of its font; 0.0 if that is not known."""

    text: str
    size: float = 0.0


class Title(NamedTuple):
    """A title in a PDF. `page` counts from 1, `level` as well."""

    level: int
    text: str
    page: int


def titles_by_size(pages: Sequence[Sequence[Line]]) -> list[Title]:
    characters: Counter[float] = Counter()
    for page in pages:
        for line in page:
            characters[line.size] += len(line.text)
    if not characters:
        return []
    text_size = characters.most_common(1)[0][0]
    found = [
        (number, line)
        for number, page in enumerate(pages, 1)
        for line in page
        if text_size and line.size >= text_size * _LARGER and _may_be_title(line.text)
    ]
    if len(found) > _MOST * sum(1 for page in pages for line in page if line.text):
        return []
    sizes = sorted({line.size for _, line in found}, reverse=True)
    return [Title(min(sizes.index(line.size) + 1, _LEVELS), " ".join(line.text.split()), page) for page, line in found]


def _may_be_title(text: str) -> bool:
    return len(text) <= _LONGEST and sum(map(str.isalpha, text)) > 1

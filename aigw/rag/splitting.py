"""Cuts a text into spans that are not too large: at the ends of sentences or lines, else between words, else anywhere.

Rules: the spans are the whole text, in order. A span is larger than the limit only if it is a single character. The
time is linear, whatever the text is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from aigw.rag.document import Kind

Count = Callable[[str], int]
"""How many tokens a text has."""

_SENTENCE = re.compile(
    r"(?<=[.!?])\s+|(?<=[.!?][\"')\]”’])\s+|(?<=[。！？；…])(?![。！？；…”’」』）])|(?<=[。！？…][”’」』）])"
)
_LINE = re.compile(r"(?<=\n)(?=[^\n])")
_LINE_AT_THE_EDGE = re.compile(r"(?<=\n)(?=\S)")
_PARAGRAPH = re.compile(r"(?<=\n\n)(?=.)")
_PARAGRAPH_AT_THE_EDGE = re.compile(r"(?<=\n\n)(?=\S)")
_ENDS: dict[Kind, tuple[re.Pattern[str], ...]] = {
    "heading": (_SENTENCE, _LINE),
    "paragraph": (_SENTENCE, _LINE),
    "list": (_LINE_AT_THE_EDGE, _LINE, _SENTENCE),
    "table": (_LINE, _SENTENCE),
    "code": (_PARAGRAPH_AT_THE_EDGE, _PARAGRAPH, _LINE),
}
_LAST: dict[Kind, tuple[re.Pattern[str], ...]] = {**_ENDS, "code": (_LINE,)}
_CHARACTERS_A_TOKEN = 16
"""A text that has more for each token of the limit is cut without counting it as a whole, because that is slow."""


class Span(NamedTuple):
    start: int
    end: int
    tokens: int


def split(text: str, kind: Kind, limit: int, count: Count) -> list[Span]:
    """Spans of at most `limit` tokens: one, if all of it fits."""
    return list(_split(text, 0, len(text), _ENDS[kind], limit, count))


def last_part(text: str, kind: Kind, length: int, words: bool = True) -> int:
    """Returns where the last part of the text begins. The part has at most `length` characters and consists of whole
    sentences or lines or, with `words`, else of whole words. Returns the length of the text if there is no such
    part."""
    low = max(0, len(text) - length)
    for ends in _LAST[kind]:
        stops = (each.end() for each in ends.finditer(text, max(0, low - 1)))
        if (found := next((stop for stop in stops if low <= stop < len(text)), None)) is not None:
            return found
    return (text.find(" ", low) + 1 if words else 0) or len(text)


def _split(
    text: str, start: int, end: int, ends: Sequence[re.Pattern[str]], limit: int, count: Count
) -> Iterator[Span]:
    if end - start <= limit * _CHARACTERS_A_TOKEN and (tokens := count(text[start:end])) <= limit:
        yield Span(start, end, tokens)
        return
    for number, pattern in enumerate(ends):
        stops = list(_stops(pattern, text, start, end, limit // 4))
        if stops:
            for left, right in pairwise((start, *stops, end)):
                yield from _split(text, left, right, ends[number + 1 :], limit, count)
            return
    yield from _words(text, start, end, limit, count)


def _stops(pattern: re.Pattern[str], text: str, start: int, end: int, least: int) -> Iterator[int]:
    """Yields where the text can be cut into parts of at least `least` characters. Smaller parts would only take
    time."""
    for each in pattern.finditer(text, start, end):
        if start + least < each.end() < end:
            start = each.end()
            yield start


def _words(text: str, start: int, end: int, limit: int, count: Count) -> Iterator[Span]:
    """Spans of several words, or of a part of one. How many characters fit is learned from those before."""
    width = limit * 4
    while start < end:
        stop = _between_words(text, start, start + width) if start + width < end else end
        tokens = count(text[start:stop])
        fitting = max(1, (stop - start) * limit * 9 // (max(tokens, 1) * 10))
        if tokens > limit and stop - start > 1:
            width = fitting
            continue
        yield Span(start, stop, tokens)
        width = min(fitting, limit * _CHARACTERS_A_TOKEN)
        start = stop


def _between_words(text: str, start: int, stop: int) -> int:
    """The last place up to `stop` after a space or a line, if it is not far from there."""
    low = (start + stop + 1) // 2
    return max(text.rfind(" ", low, stop), text.rfind("\n", low, stop)) + 1 or stop

"""Finds a regular expression (RE2) for what varies between two texts: numbers, ids, times of any format.

Rule: only values vary, never words. If other words were written, nothing is found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

MAX_TOKENS = 200
"""If more words and marks are between the first and the last difference of two texts, nothing is found."""
MAX_PATTERNS = 5
"""If more kinds of values vary, it is another text."""
NEAR = 6
"""How many tokens away a word may be that says which value is meant."""
MOST_PARTS = 12
"""How many tokens a value such as a date may have."""
_LONGEST_WORD = 40
_MOST_LETTERS = 4
"""Letters that vary within a value, such as the name of a month, are so many at most. More are a word."""

_TOKEN = re.compile(r"<(?:uuid|id|path) \d+>|<\w+>|\w(?:[\w.:+/@%-]*\w)?|\n|[^\S\n]+|[^\w\s]")
_WORD = re.compile(r"[^\W\d_]{2}")
_LETTER = re.compile(r"[^\W\d_]")
_CLASS = re.compile(r"\[[^]]*\]")
_SPECIAL = re.compile(r"[\\.+*?()\[\]{}|^$]")
_RUN = re.compile(r"\d+|[A-Za-z]+|.")
_HEX = re.compile(r"[0-9a-f]{6,}|[0-9A-F]{6,}")
_ID = re.compile(r"((?:.*[_:./-])?)([0-9A-Za-z]{6,})")
_NUMBER = re.compile(r"[.:,+/-]*[0-9][0-9.:,+/-]*")
_DIGIT = re.compile(r"\d")
_DAY = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,3}day|Mon|Tue|Wed|Thu|Fri|Sat|Sun"
    r"|(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Sept|Nov|Dec)ember|October"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
)


@lru_cache(maxsize=1024)
def varying(one: str, other: str) -> str | None:
    """Returns a pattern for all values that differ in two texts, None if something else does."""
    before, after = _TOKEN.findall(one), _TOKEN.findall(other)
    pairs = _aligned(before, after)
    if pairs is None:
        return None
    patterns: dict[str, None] = {}
    for start, end in _spans(before, pairs):
        shapes = [_shape(before[n], pairs.get(n, before[n])) for n in range(start, end)]
        if None in shapes:
            return None
        patterns[_in_context("".join(filter(None, shapes)), before, start, end)] = None
    return "|".join(patterns) if 0 < len(patterns) <= MAX_PATTERNS else None


def _aligned(before: list[str], after: list[str]) -> dict[int, str] | None:
    """Returns the new tokens by the places of those that they replace, None if others were added or removed."""
    start, end = _around(before, after)
    middle, middle2 = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(middle), len(middle2)) > MAX_TOKENS:
        return None
    pairs: dict[int, str] = {}
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, middle, middle2, autojunk=False).get_opcodes():
        if tag != "equal":
            if i2 - i1 != j2 - j1:
                return None
            pairs |= zip(range(start + i1, start + i2), middle2[j1:j2], strict=True)
    return pairs


def _spans(tokens: list[str], places: Iterable[int]) -> list[tuple[int, int]]:
    """Returns the places joined where only marks, numbers and names of days are between them, so that the parts of a
    date are one value. Each is (start, end)."""
    spans: list[tuple[int, int]] = []
    for place in places:
        start, end = spans[-1] if spans else (place, place)
        if spans and place - start < MOST_PARTS and all(map(_joins, tokens[end:place])):
            spans[-1:] = [(start, place + 1)]
        else:
            spans.append((place, place + 1))
    return spans


def _joins(text: str) -> bool:
    return text != "\n" and (not _LETTER.search(text) or bool(_DAY.fullmatch(text)))


def _around(before: list[str], after: list[str]) -> tuple[int, int]:
    """Returns how many tokens are the same at the start and at the end."""
    start, end, most = 0, 0, min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, end


def _in_context(shape: str, tokens: list[str], start: int, end: int) -> str:
    """Returns the pattern with the word before it or behind it, unless it has a word itself. If the text is only this
    value, it must be that as a whole."""
    if _WORD.search(_CLASS.sub("", shape)):
        return shape
    if before := _up_to_word(tokens[:start][::-1]):
        return _escaped("".join(before[::-1])) + shape
    if after := _up_to_word(tokens[end:]):
        return shape + _escaped("".join(after))
    return f"^{shape}$" if end - start == len(tokens) else shape


def _up_to_word(tokens: list[str]) -> list[str]:
    """Returns the tokens up to the first word in the same line, [] if none is near. A number or a placeholder is no
    part of it, because it may vary, too."""
    for n, each in enumerate(tokens[:NEAR]):
        if each == "\n" or len(each) > _LONGEST_WORD or (each[0] == "<" and len(each) > 1) or _DIGIT.search(each):
            break
        if _LETTER.search(each):
            return tokens[: n + 1]
    return []


def _shape(one: str, other: str) -> str | None:
    """Returns a pattern for two tokens, None if they are not alike."""
    if _DAY.fullmatch(one) and _DAY.fullmatch(other):
        return "[A-Z][a-z]{2,8}"
    if one == other and not _DIGIT.search(one):
        return _escaped(one)
    if _HEX.fullmatch(one) and _HEX.fullmatch(other) and _is_mixed(one + other):
        letters = "A-F" if (one + other).upper() == one + other else "a-f"
        return f"[0-9{letters}]{_times(one, other)}"
    first, second = _ID.fullmatch(one), _ID.fullmatch(other)
    if first and second and first[1] == second[1] and _is_mixed(first[2]) and _is_mixed(second[2]):
        return f"{_escaped(first[1])}[0-9A-Za-z]{_times(first[2], second[2])}"
    return _of_runs(_RUN.findall(one), _RUN.findall(other)) or _numeric(one, other)


def _of_runs(first: list[str], second: list[str]) -> str | None:
    """Returns a pattern for two values that have digits and letters at the same places."""
    digits = [each.isdigit() for each in first]
    if not any(digits) or digits != [each.isdigit() for each in second]:
        return None
    times = "+" if sum(digits) <= 2 else f"{{1,{max(9, *map(len, first), *map(len, second))}}}"  # see `higress.re2`
    pattern = ""
    for one, other in zip(first, second, strict=True):
        if one.isdigit():
            pattern += rf"\d{times}"
        elif one == other:
            pattern += _escaped(one)
        elif one.isalpha() and other.isalpha() and one.isascii() and max(len(one), len(other)) <= _MOST_LETTERS:
            pattern += f"[A-Za-z]{times}"
        else:
            return None
    return pattern


def _numeric(one: str, other: str) -> str | None:
    if not _NUMBER.fullmatch(one) or not _NUMBER.fullmatch(other):
        return None
    marks = "".join(sorted({*one, *other} - {*"0123456789", "-"})) + ("-" if "-" in one + other else "")
    return f"[0-9{marks}]+"


def _is_mixed(text: str) -> bool:
    return bool(_DIGIT.search(text)) and any(map(str.isalpha, text))


def _times(one: str, other: str) -> str:
    return f"{{{len(one)}}}" if len(one) == len(other) else "+"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)

"""Undoes the tricks by which a text looks the same to a reader and different to a program: characters that nobody sees,
other forms of a character, letters of other scripts that look like Latin ones.

Rule: it takes one pass, and each character has one replacement, whatever stands beside it, so that positions lead back
to the original text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from aigw.guard.view import Piece, View, joined, kept, same

_ORDINARY = bytes([*range(0x09, 0x0E), *range(0x20, 0x7F)])
"""The characters of ASCII that stand for themselves."""
_MARKS = "\u0300-\u036f"
"""Accents that stand behind the letter that they belong to."""
_CLUSTER = rf"[^{_MARKS}]?[{_MARKS}]+"
_MOST_MARKS = 4
_FEW = 16
"""Up to this number, replacements are faster one after the other than in one pass."""
_TAGS = range(0xE0020, 0xE007F)
"""Invisible copies of ASCII: models read them, people do not."""
_SIGNS = dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-") | {"\u0130": "I", "\u2028": "\n", "\u2029": "\n"}
_UNSEEN = frozenset("\u180b\u180c\u180d\u180f\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_LOOKALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХԌԚԜаеѕіјкмһорсԁтухѵԛԝӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυ",
    "ABESIJKMHOPCTYXGQWaesijkmhopcdtyxvqwlABEZHIKMNOPTYXaikvoptu",
)
_WORD = re.compile(r"[A-Za-z\u0370-\u052f]+")
_LATIN, _OTHERS = re.compile(r"[A-Za-z]"), re.compile(r"[\u0370-\u052f]")


def normal(text: str) -> View:
    """Returns the plain form of a text, in which rules search."""
    odd = _odd(text)
    if not odd:
        return same(text)
    changed = {char: plain for char in odd if (plain := _plain(char)) != char}
    one = {char: plain for char, plain in changed.items() if len(plain) == 1}
    other = {char: plain for char, plain in changed.items() if len(plain) != 1}
    if len(one) <= _FEW:
        for char, plain in one.items():
            text = text.replace(char, plain)
    else:
        text = text.translate({ord(char): plain for char, plain in one.items()})
    patterns = [f"[{re.escape(''.join(other))}]"] if other else []
    if any("\u0300" <= char <= "\u036f" for char in changed):
        patterns.insert(0, _CLUSTER)
    if not patterns:
        return same(_latin(text))
    view = joined(_pieces(text, re.compile("|".join(patterns)), other))
    return View(_latin(view.text), view.place)


def _odd(text: str) -> set[str]:
    """The characters of a text that may stand for others."""
    rest = text.encode("utf-8", "surrogatepass").translate(None, _ORDINARY)
    return set(rest.decode("utf-8", "surrogatepass"))


def _pieces(text: str, pattern: re.Pattern[str], other: dict[str, str]) -> Iterator[Piece]:
    at = 0
    for found in pattern.finditer(text):
        start, end = found.span()
        yield kept(text, at, start)
        yield Piece(other[found[0]] if found[0] in other else _composed(found[0], other), start, end)
        at = end
    yield kept(text, at, len(text))


def _composed(cluster: str, other: dict[str, str]) -> str:
    """Returns a letter and the accents behind it as one character. Accents that cannot be composed are dropped."""
    letter = cluster[0]
    if "\u0300" <= letter <= "\u036f":
        return ""
    made = unicodedata.normalize("NFC", other.get(letter, letter) + cluster[1 : 1 + _MOST_MARKS])
    return "".join(char for char in made if not "\u0300" <= char <= "\u036f")


@lru_cache(maxsize=1 << 16)
def _plain(char: str) -> str:
    """Returns the replacement of a character, "" for an invisible one."""
    if char in _SIGNS:
        return _SIGNS[char]
    if ord(char) in _TAGS:
        return chr(ord(char) - 0xE0000)
    if char in _UNSEEN or _unseen(char):
        return ""
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind == "Cs":
        return "\ufffd"
    made = unicodedata.normalize("NFKC", char)
    return "".join(_SIGNS.get(each, each) for each in made)


def _unseen(char: str) -> bool:
    """Whether it is a control or format character, an accent without a letter, or a selector of variants."""
    if char in "\t\n\x0b\x0c\r":
        return False
    kind = unicodedata.category(char)
    return kind in ("Cc", "Cf") or "\u0300" <= char <= "\u036f" or "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0000"


def _latin(text: str) -> str:
    """The text with Latin letters for their doubles, in words that also have real ones."""
    return _WORD.sub(_latin_word, text) if _OTHERS.search(text) else text


def _latin_word(found: re.Match[str]) -> str:
    word = found[0]
    return word.translate(_LOOKALIKES) if _LATIN.search(word) and _OTHERS.search(word) else word

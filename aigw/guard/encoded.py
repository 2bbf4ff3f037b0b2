"""Decodes the parts of a text that are in an encoding which models read, too. It undoes one level, never more.

Rule: the result is at most as long as its source."""

from __future__ import annotations

import codecs
import re
from base64 import b32decode, b64decode
from binascii import Error
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote

from aigw.guard.engine import any_of, occurs, spans
from aigw.guard.view import Piece, View, joined, kept

_BETWEEN = "\n\n"
"""Stands between two texts that were decoded, so that no word is made of both."""
_LINES = r"(?:[A-Za-z0-9+/]{60,80}\r?\n)+[A-Za-z0-9+/]{2,80}={0,2}"
_BASE64 = rf"{_LINES}|[A-Za-z0-9+/_-]{{22,}}={{0,2}}"
_HEX = r"[0-9a-fA-F]{2}(?:[ :]?[0-9a-fA-F]{2}){11,}|(?:\\x[0-9a-fA-F]{2}){4,}"
_BASE32 = r"\b[A-Z2-7]{24,}={0,6}"
_BINARY = r"[01]{8}(?: ?[01]{8}){3,}"
_ESCAPED = r"(?:\\u[0-9a-fA-F]{4}){2,}"
_PERCENT = r"(?:[\w.~-]{0,40}%[0-9a-fA-F]{2}){4,}[\w.~-]{0,40}"
_ENTITIES = r"(?:&#(?:\d{1,7}|x[0-9a-fA-F]{1,6});){4,}"
_ROT13 = r"(?i)vafgehpgvba|cebzcg|vtaber|thvqryvar|erfgevpgvba"
_REVERSED = r"(?i)noitcurtsni|tpmorp|erongi|enilediug|noitcirtser|令指|示提|词示|则规|略忽"
_LEET = (
    r"(?i)\b(?:1gn[o0]r|ign0r|ignor3|1n[s5$][t7]ru|in[5$][t7]ru|ins7ru|instruc7|instruct(?:10|i0|1o)n|pr3v|prev(?:10|i0|1o)"
    r"|pr0m|prom[p]7|[5$]y[s5$]|sy[5$][t7]|sys7)"
)
_SPREAD = r"\b(?:[A-Za-z] ){4,}[A-Za-z]\b"
_ANY_TURN = any_of(_ROT13, _REVERSED, _LEET, _SPREAD)
_LEET_LETTERS = str.maketrans("013457@$!", "oieastasi")
_ROT13_LETTERS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"
)


def decoded(text: str) -> View | None:
    """Returns a view of the parts of a text that are encoded as Base64, hexadecimal, or with escapes. None if there are
    none."""
    pieces: list[Piece] = []
    if not occurs(_ANY_CODING, text):
        return None
    for pattern, decode in _CODINGS:
        for start, end in spans(pattern, text):
            if plain := _readable(decode, text[start:end]):
                pieces += [Piece(plain, start, end), Piece(_BETWEEN, start, end)]
    return joined(pieces) if pieces else None


def turned(text: str) -> Iterator[View]:
    """The text in ROT13, backwards, with letters for digits, and without blanks between single letters: each of these
    if words of attacks stand in it that way."""
    if not occurs(_ANY_TURN, text):
        return
    if occurs(_ROT13, text):
        yield View(text.translate(_ROT13_LETTERS), lambda start, end: (start, end))
    if occurs(_REVERSED, text):
        length = len(text)
        yield View(text[::-1], lambda start, end: (length - end, length - start))
    if occurs(_LEET, text):
        yield View(text.translate(_LEET_LETTERS), lambda start, end: (start, end))
    if occurs(_SPREAD, text):
        yield joined(_without_blanks(text))


def _without_blanks(text: str) -> Iterator[Piece]:
    at = 0
    for start, end in spans(_SPREAD, text):
        yield kept(text, at, start)
        yield from (Piece(text[place], place, place + 1) for place in range(start, end, 2))
        at = end
    yield kept(text, at, len(text))


def _readable(decode: Callable[[str], str], written: str) -> str:
    """Returns the decoded text, "" if it is no text."""
    try:
        plain = decode(written)
    except (ValueError, Error):
        return ""
    unreadable = sum(not (char.isprintable() or char in "\t\r\n") for char in plain)
    return plain if len(plain) >= 2 and unreadable * 10 <= len(plain) else ""


def _base64(written: str) -> str:
    letters = re.sub(r"[\r\n=]", "", written).replace("-", "+").replace("_", "/")
    return b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + "=" * (-len(letters) % 4)).decode()


def _hex(written: str) -> str:
    return bytes.fromhex(re.sub(r"\\x|[ :]", "", written)).decode()


def _escaped(written: str) -> str:
    """JSON writes a character beyond the first 65,536 as two."""
    text = codecs.decode(written, "unicode_escape")
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


_CODINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    (_BASE64, _base64),
    (_HEX, _hex),
    (_BASE32, lambda written: b32decode(written.rstrip("=") + "=" * (-len(written.rstrip("=")) % 8)).decode()),
    (_BINARY, lambda written: bytes(int(byte, 2) for byte in re.findall("[01]{8}", written)).decode()),
    (_ESCAPED, _escaped),
    (_PERCENT, lambda written: unquote(written, errors="strict")),
    (_ENTITIES, unescape),
)
_ANY_CODING = any_of(
    r"[A-Za-z0-9+/_-]{22}",
    r"[0-9a-fA-F]{2}(?:[ :]?[0-9a-fA-F]{2}){11}",
    r"(?:\\x[0-9a-fA-F]{2}){4}",
    r"[01]{8}(?: ?[01]{8}){3}",
    r"(?:\\u[0-9a-fA-F]{4}){2}",
    r"%[0-9a-fA-F]{2}(?:[\w.~-]{0,40}%[0-9a-fA-F]{2}){3}",
    r"(?:&#(?:\d{1,7}|x[0-9a-fA-F]{1,6});){4}",
)
"""Found wherever one of the codings is. The patterns themselves would make so many states that 1,000 characters of a
new text take 50 us and not 4."""

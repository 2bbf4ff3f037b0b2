"""Bytes to text. Lines of it end with \\n, and there are no NULs and no lone surrogates.

Rule: a byte order mark decides, then UTF-8 if all of it is valid, then the charset that the server named, then UTF-8 if
most of it is valid, then what charset-normalizer takes it for."""

from __future__ import annotations

import codecs

from aigw.rag.document import UnreadableError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 64 * 1024
"""Bytes by which an unknown encoding is judged, because that is slow."""
_VALID_FOR_EACH_WRONG = 50
"""If there are this many valid characters for each invalid byte, the bytes are read as UTF-8."""


def decode(data: bytes, charset: str = "") -> str:
    """Raises UnreadableError if this is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return clean(data[len(mark) :].decode(encoding, "replace"))
    for encoding, errors in (("utf-8", "strict"), (charset, "replace")):
        try:
            return clean(data.decode(encoding, errors))
        except (LookupError, ValueError):  # not UTF-8; no charset at all, or something else than one, such as base64
            continue
    return clean(_guessed(data))


def clean(text: str) -> str:
    """The text with line ends, NULs and surrogates as the rule has them."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode(errors="replace").decode()


def _guessed(data: bytes) -> str:
    text = data.decode(errors="replace")
    wrong = text.count("\ufffd")
    if sum(not character.isascii() for character in text) > 2 * wrong:
        return text
    if wrong * _VALID_FOR_EACH_WRONG <= len(text):  # too few to tell anything else than Western European
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:
            return text
    from charset_normalizer import from_bytes

    if (best := from_bytes(data[:_SAMPLE]).best()) is None:
        raise UnreadableError("it is no text: no encoding fits its bytes")
    return data.decode(best.encoding, "replace")

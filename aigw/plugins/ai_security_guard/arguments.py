"""Finds and replaces the texts in the JSON text of a call's arguments. Sans-io.

Texts are all strings, also names of members and values of names that come twice, and numbers that are long enough to be
somebody's. Everything else stays as it is, byte for byte, however deep it is nested."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

LONG_NUMBER = 8
"""The number of characters from which on a number is a text."""
_TEXT = re.compile(
    rf'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|-?\d[\d.eE+-]{{{LONG_NUMBER - 1},}}', re.DOTALL
)  # also a string without an end, or else each quote in it would be a beginning
_BETWEEN = re.compile(r"(?:[\s{}\[\]:,\d.eE+-]++|true|false|null)*+")
"""Matches what stands between the texts of JSON."""


_decode = json.JSONDecoder(strict=False).decode


def leaves_of(arguments: str) -> list[str] | None:
    """The texts in their order, None if there is more than these in the arguments: they are no JSON."""
    try:
        leaves = list(_texts(arguments))
    except ValueError:
        return None
    return leaves if _BETWEEN.fullmatch(_TEXT.sub(" ", arguments)) else None


def with_leaves(arguments: str, texts: Sequence[str]) -> str:
    """The arguments with other texts in the places of those of `leaves_of`."""
    left = iter(zip(_texts(arguments), texts, strict=True))

    def other(found: re.Match[str]) -> str:
        before, after = next(left)
        return found[0] if before == after else json.dumps(after, ensure_ascii=False)

    return _TEXT.sub(other, arguments)


def _texts(arguments: str) -> Iterator[str]:
    for found in _TEXT.finditer(arguments):
        yield _decode(found[0]) if found[0].startswith('"') else found[0]

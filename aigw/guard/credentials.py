"""Secrets in the form that their makers gave them."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from aigw.guard.engine import spans
from aigw.guard.finding import SECRET
from aigw.guard.rule import Rule
from aigw.guard.view import Span

_GITHUB = r"\bgh[oprsu]_[A-Za-z0-9]{36}\b"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _github(text: str) -> Iterator[Span]:
    for start, end in spans(_GITHUB, text):
        if _github_check(text[start + 4 : end - 6]) == text[end - 6 : end]:
            yield start, end


def _github_check(body: str) -> str:
    """The last six characters of a GitHub token: the CRC-32 of the thirty before them, in base 62."""
    number, written = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        written = _BASE62[digit] + written
    return written


RULES = (Rule("github-token", SECRET, "high", "mask", 40, "a token of GitHub, by its checksum", _github),)

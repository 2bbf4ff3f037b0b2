"""Source code of any language: an unindented line that begins with a word such as `func` or `class`, or looks like a
function of C, becomes a title above its code.

Rule: the text is the source, with every line. If a title is not recognized, only the title is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aigw.rag.document import Block, Document
from aigw.rag.readers.encoding import decode
from aigw.rag.readers.text import trimmed

_BEFORE = (
    r"(?:(?:export|default|public|private|protected|internal|static|abstract|final|sealed|async|unsafe|open|data"
    r"|pub(?:\([^)]*\))?)\s+)*"
)
_NAMED = re.compile(
    _BEFORE
    + r"(?:class|struct|interface|trait|enum|union|impl(?:<[^>]*>)?|module|defmodule|namespace|protocol|extension"
    r"|func|fun|function\*?|fn|def|defp|sub|type|object|record|contract|message|service|macro_rules!)"
    r"\s+(?:\([^)]*\)\s*)?([\w.:$]+)"
)
_LIKE_C = re.compile(
    r"(?!(?:if|for|while|switch|return|else|do|case|throw|new|using|import|typedef)\b)[A-Za-z_][\w\s*&:<>,]*?[\s*&]([\w:~]+)\([^;{}]*\)?[^;=]*\{?\s*$"
)
_LEADING = ("//", "/*", " *", "*", "#", "@", "[", "--", "'", ";")
"""How comments and attributes begin. They belong to the code that follows."""


def read(data: bytes, charset: str = "") -> Document:
    return Document("", list(parts(decode(data, charset).split("\n"))))


def parts(lines: Sequence[str]) -> Iterator[Block]:
    start = 0
    for number, line in enumerate(lines):
        if name := _defined(line):
            begin = _beginning(lines, number, start)
            yield from trimmed(lines, start, begin, "code")
            yield Block("heading", "", begin + 1, begin + 1, level=1, title=name)
            start = begin
    yield from trimmed(lines, start, len(lines), "code")


def _defined(line: str) -> str:
    if not line or line[0] in " \t}{)#/*" or line.rstrip().endswith(";"):
        return ""
    found = _NAMED.match(line[:300]) or _LIKE_C.match(line[:300])
    return found[1] if found else ""


def _beginning(lines: Sequence[str], number: int, least: int) -> int:
    while number > least and lines[number - 1].startswith(_LEADING):
        number -= 1
    return number

"""Python: the names of classes and functions, as `ast` finds them, are titles above their code.

Rule: the text is the source, with every line; what does not compile is read as any other code."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence

from aigw.rag.document import Block, Document
from aigw.rag.readers import code
from aigw.rag.readers.encoding import decode
from aigw.rag.readers.text import trimmed

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEPTH = 2
"""Classes and functions in others in others are code of these."""


def read(data: bytes, charset: str = "") -> Document:
    text = decode(data, charset)
    lines = text.split("\n")
    try:
        with warnings.catch_warnings(action="ignore"):  # about escapes in strings
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Document("", list(code.parts(lines)))
    return Document("", list(_parts(lines, _definitions(body), 0, len(lines), 1)))


def _definitions(body: Sequence[ast.stmt]) -> list[_Definition]:
    return [each for each in body if isinstance(each, _Definition)]


def _parts(lines: Sequence[str], found: Sequence[_Definition], start: int, end: int, level: int) -> Iterator[Block]:
    """The lines from `start` to before `end`, with a title above each definition, and one that ends the last."""
    inside = False
    for definition in found:
        begin = _beginning(lines, definition, start)
        if any(line.strip() for line in lines[start:begin]):
            if inside:
                yield Block("heading", "", level=level)
            yield from trimmed(lines, start, begin, "code")
        start = definition.end_lineno or begin
        yield Block("heading", "", level=level, title=definition.name)
        inner = _definitions(definition.body)
        yield from _parts(
            lines, inner if level < _DEPTH and isinstance(definition, ast.ClassDef) else [], begin, start, level + 1
        )
        inside = True
    if inside and any(line.strip() for line in lines[start:end]):
        yield Block("heading", "", level=level)
    yield from trimmed(lines, start, end, "code")


def _beginning(lines: Sequence[str], definition: _Definition, least: int) -> int:
    """Returns the line (from 0) at which a definition begins, with its decorators and the comments above them."""
    begin = min([definition.lineno, *(each.lineno for each in definition.decorator_list)]) - 1
    while begin > least and lines[begin - 1].lstrip().startswith("#"):
        begin -= 1
    return max(begin, least)

"""Jupyter notebooks: text cells as Markdown, code cells as code, and what they put out as text.

Rule: pictures, and more than 2,000 characters of one output, are left out. There are no line numbers, because those of
the file are lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aigw.rag.document import Block, Document, UnreadableError
from aigw.rag.readers import markdown
from aigw.rag.readers.encoding import clean, decode

_LONGEST_OUTPUT = 2000


def read(data: bytes, charset: str = "") -> Document:
    try:
        book = json.loads(decode(data, charset))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is no notebook, which is JSON: {error}") from None
    cells = _list(book, "cells") or [cell for sheet in _list(book, "worksheets") for cell in _list(sheet, "cells")]
    if not cells:
        raise UnreadableError("it is no notebook: it has no cells")
    blocks = [block for cell in cells for block in _blocks(cell)]
    return Document(next((block.title for block in blocks if block.level == 1), ""), blocks)


def _blocks(cell: Any) -> Iterator[Block]:
    source = _text(cell, "source") or _text(cell, "input")
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if kind == "heading":  # of the old format
        level = cell.get("level") if isinstance(cell.get("level"), int) else 1
        yield Block("heading", source, level=max(1, level), title=" ".join(source.split()))
    elif kind == "markdown":
        yield from (block._replace(first=0, last=0) for block in markdown.read_text(source).blocks)
    elif source.strip():
        yield Block("code" if kind == "code" else "paragraph", source.strip("\n"))
    for output in _list(cell, "outputs"):
        data = output.get("data") if isinstance(output, dict) else None
        text = _text(output, "text") or _text(data, "text/markdown") or _text(data, "text/plain")
        if text.strip():
            yield Block("code", text.strip("\n")[:_LONGEST_OUTPUT])


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _text(value: Any, name: str) -> str:
    """A text, which may be written as a list of lines."""
    found = value.get(name) if isinstance(value, dict) else None
    lines = found if isinstance(found, list) else [found]
    return clean("".join(line for line in lines if isinstance(line, str)))

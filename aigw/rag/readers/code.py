"""Source code of any language: one block, which is cut where lines begin at the edge."""

from __future__ import annotations

from aigw.rag.document import Document
from aigw.rag.readers.encoding import decode
from aigw.rag.readers.text import trimmed


def read(data: bytes, charset: str = "") -> Document:
    lines = decode(data, charset).split("\n")
    return Document("", list(trimmed(lines, 0, len(lines), "code")))

"""JSONL: each line is a record, whose values stand after their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aigw.rag.document import Block, Document, UnreadableError
from aigw.rag.readers.encoding import clean, decode
from aigw.rag.readers.records import named, shown


def read(data: bytes, charset: str = "") -> Document:
    return Document("", list(_blocks(decode(data, charset))))


def _blocks(text: str) -> Iterator[Block]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"line {number} is no JSON: {error}") from None
        if block := record_block(record, number):
            yield block


def record_block(record: Any, line: int = 0) -> Block | None:
    text = "\n".join(named(record)) if isinstance(record, Mapping) else shown(record)
    return Block("paragraph", clean(text), line, line) if text.strip() else None

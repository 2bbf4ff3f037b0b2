"""JSON: a list of objects is read as records, as in JSONL; anything else as code."""

from __future__ import annotations

import json

from aigw.rag.document import Document
from aigw.rag.readers import code
from aigw.rag.readers.encoding import decode
from aigw.rag.readers.jsonl import record_block


def read(data: bytes, charset: str = "") -> Document:
    try:
        records = json.loads(decode(data, charset))
    except (ValueError, RecursionError):
        return code.read(data, charset)
    if isinstance(records, list) and records and all(isinstance(each, dict) for each in records):
        return Document("", [block for each in records if (block := record_block(each))])
    return code.read(data, charset)

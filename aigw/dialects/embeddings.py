"""Embeddings in the format that the client asked for, sans-io.

The npm SDK asks for base64 when its caller named no format and decodes whatever comes: a list of floats becomes
silent garbage (clients.md E16). So an answer whose format is not the one asked for is re-encoded: base64 of
little-endian float32."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec


def in_format(body: bytes, asked: str) -> bytes:
    """The answer with its vectors as `asked` ("base64", "float"; "" leaves them). `body` itself if they are so
    already."""
    if asked not in ("base64", "float"):
        return body
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body
    rows = answer.get("data") if isinstance(answer, dict) else None
    changed = [_convert(row, asked) for row in rows or () if isinstance(row, dict)]
    return msgspec.json.encode(answer) if any(changed) else body


def _convert(row: dict[str, Any], asked: str) -> bool:
    vector = row.get("embedding")
    if asked == "base64" and isinstance(vector, list):
        row["embedding"] = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    elif asked == "float" and isinstance(vector, str):
        packed = base64.b64decode(vector)
        row["embedding"] = list(struct.unpack(f"<{len(packed) // 4}f", packed))
    else:
        return False
    return True

"""Embeddings in the format that the client asked for, sans-io.

The npm SDK asks for base64 when its caller named no format and decodes whatever comes: a list of floats becomes
silent garbage. So an answer whose format is not the one asked for is re-encoded: base64 of
little-endian float32. An answer that cannot be (a null in a vector, text that is no base64) passes as it is."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

import msgspec


def pack(vector: Sequence[float]) -> str:
    """The vector in base64. Raises struct.error or OverflowError for what is no float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpack(text: str) -> list[float]:
    """The vector that `text` is the base64 of. Raises ValueError or struct.error if it is none."""
    packed = base64.b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def in_format(body: bytes, asked: str) -> bytes:
    """The answer with its vectors as `asked` ("base64", "float"; "" leaves them). `body` itself if they are so already
    or cannot be."""
    if asked not in ("base64", "float"):
        return body
    try:
        answer = msgspec.json.decode(body)
        rows = answer.get("data") if isinstance(answer, dict) else None
        changed = [_convert(row, asked) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return msgspec.json.encode(answer) if any(changed) else body
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError, struct.error):
        return body


def _convert(row: dict[str, Any], asked: str) -> bool:
    vector = row.get("embedding")
    if asked == "base64" and isinstance(vector, list):
        row["embedding"] = pack(vector)
    elif asked == "float" and isinstance(vector, str):
        row["embedding"] = unpack(vector)
    else:
        return False
    return True

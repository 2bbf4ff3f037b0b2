"""Converts embeddings into the format that the client asked for. Sans-io.

If its caller does not choose a format, OpenAI's npm SDK asks for base64 and decodes any answer as base64: a list of
floats becomes wrong numbers without an error. So an answer in another format is converted. Base64 contains
little-endian float32 numbers. An answer that cannot be converted (a null in a vector, text that is not base64) is
passed on."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from aigw.core.document import Document
from aigw.dialects.json_values import decoded, encoded


def pack(vector: Sequence[float]) -> str:
    """Returns the vector in base64. Raises struct.error or OverflowError if a number is not a float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpack(text: str) -> list[float]:
    """Returns the vector from base64. Raises ValueError or struct.error if `text` is not one."""
    packed = base64.b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def drop_null(request: Document) -> None:
    """Drops a format that is null: vLLM rejects it."""
    if request.raw("encoding_format") == b"null":
        request.drop("encoding_format")


def in_format(body: bytes, asked: str) -> bytes:
    """Returns the answer with its vectors in the format `asked` ("base64" or "float"; "" keeps them). Returns `body`
    itself if nothing is to be converted or it is not possible."""
    if asked not in ("base64", "float"):
        return body
    try:
        answer = decoded(body)
        rows = answer.get("data") if isinstance(answer, dict) else None
        changed = [_convert(row, asked) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        return encoded(answer) if any(changed) else body
    except (ValueError, OverflowError, struct.error):
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

"""Takes the signatures of other providers out of a request in Gemini's own format, which goes on as it is.

A client that was at another provider before sends the state of that one's reasoning back as a signature, in an envelope
of ours. Gemini would refuse the whole request because of it, and so does Gemini 3 with a call that has no signature.

Rule: everything else keeps its bytes, and a request without an envelope is not even decoded."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.core.document import Document, encoded
from aigw.dialects.gemini_request import SIGNATURES, field
from aigw.dialects.json_values import Json, decoded
from aigw.translation.envelope import MARK, is_sealed, opened
from aigw.translation.gemini.write_request import NO_SIGNATURE

_MARK = MARK.encode()


def replace_foreign_signatures(request: Document, maker: str) -> None:
    """`maker` is the type of the provider, which gets its own state. Raises ValueError if `contents` is not an array of
    objects."""
    given = request.items_of("contents")
    kept = [_with_own(bytes(raw), maker) for raw in given]
    if kept != [bytes(raw) for raw in given]:
        request.set("contents", [msgspec.Raw(content) for content in kept])


def mentions_envelope(body: bytes) -> bool:
    return _MARK in body


def _with_own(content: bytes, maker: str) -> bytes:
    value = decoded(content) if _MARK in content else None
    if not isinstance(value, dict) or not isinstance(parts := value.get("parts"), list):
        return content
    return encoded({**value, "parts": [_part(part, maker) for part in parts]})


def _part(part: Any, maker: str) -> Any:
    name = next((name for name in SIGNATURES if isinstance(part, dict) and isinstance(part.get(name), str)), "")
    if not name or not is_sealed(part[name]):
        return part
    rest: Json = {key: value for key, value in part.items() if key not in SIGNATURES}
    own = opened(part[name], maker) or (NO_SIGNATURE if field(part, "functionCall") else "")
    return {**rest, name: own} if own else rest

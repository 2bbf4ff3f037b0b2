"""Takes the reasoning of other providers out of a request for OpenAI's Responses, which goes on as it is.

A client that was at another provider before has its reasoning in the conversation, as items whose encrypted content is
in an envelope of ours. OpenAI would refuse the whole request because of it.

Rule: everything else keeps its bytes, and a request without an envelope is not even decoded."""

from __future__ import annotations

from aigw.core.document import Document
from aigw.core.pace import resting
from aigw.dialects.json_values import decoded
from aigw.translation.envelope import MARK, is_sealed

_MARK = MARK.encode()


def drop_foreign_reasoning(request: Document) -> None:
    """Raises ValueError if `input` cannot be read."""
    if not request.mentions(_MARK) or not isinstance(request.get("input"), list):
        return
    given = request.items_of("input")
    kept = [item for item in resting(given) if not _is_foreign(bytes(item))]
    if len(kept) < len(given):
        request.set("input", kept)


def _is_foreign(item: bytes) -> bool:
    value = decoded(item) if _MARK in item else None
    if not isinstance(value, dict) or value.get("type") != "reasoning":
        return False
    state = value.get("encrypted_content")
    return isinstance(state, str) and is_sealed(state)

"""Takes the reasoning of other providers out of a request in Anthropic's own format, which goes on as it is.

A client that was at another provider before has its reasoning in the conversation, with a state in an envelope of ours.
Anthropic would refuse the whole request because of it.

Rule: everything else keeps its bytes, and a request without an envelope is not even decoded."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.core.document import Document
from aigw.translation.envelope import MARK, is_sealed

_MARK = MARK.encode()
_STATES = {"thinking": "signature", "redacted_thinking": "data"}
"""The type of a block -> the field that has its state."""


def drop_foreign_thoughts(request: Document) -> None:
    """Raises ValueError if `messages` is not an array of objects."""
    if not request.mentions(_MARK):
        return
    given = request.items_of("messages")
    kept = [message for raw in given if (message := _without(bytes(raw))) is not None]
    if kept != [bytes(raw) for raw in given]:
        request.set("messages", [msgspec.Raw(message) for message in kept])


def _without(message: bytes) -> bytes | None:
    """Returns the message without such blocks, None if it has nothing else."""
    if _MARK not in message:
        return message
    document = Document(message)
    if not isinstance(content := document.get("content"), list):
        return message
    blocks = document.items_of("content")
    kept = [block for block, value in zip(blocks, content, strict=True) if not _is_foreign(value)]
    if len(kept) == len(blocks):
        return message
    document.set("content", kept)
    return document.encode() if kept else None


def _is_foreign(block: Any) -> bool:
    field = _STATES.get(str(block.get("type"))) if isinstance(block, dict) else None
    state = block.get(field) if field is not None else None
    return isinstance(state, str) and is_sealed(state)

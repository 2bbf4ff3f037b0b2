"""Takes the signatures of other providers out of a request for a chat, which goes on as it is.

A client that was at Gemini before sends the state of its calls back, in `extra_content` and in an envelope of ours.
Most other providers refuse a call with a field that they do not know.

Rule: everything else keeps its bytes, and a request without an envelope is not even decoded."""

from __future__ import annotations

from typing import Any

from aigw.core.document import Document
from aigw.core.pace import resting
from aigw.dialects.openai_chat_request import messages_of, set_messages
from aigw.dialects.view import rows_of
from aigw.translation.chat.read_messages import state_of
from aigw.translation.envelope import MARK, is_sealed

_MARK = MARK.encode()


def drop_foreign_signatures(request: Document) -> None:
    """Raises ValueError if `messages` is not an array of objects."""
    if not request.mentions(_MARK):
        return
    changed, messages = False, messages_of(request)
    for message in resting(messages):
        calls = rows_of(message.get("tool_calls"))
        kept = [_without(call) if is_sealed(state_of(call)) else call for call in calls]
        if kept != calls:
            message.set("tool_calls", kept)
            changed = True
    if changed:
        set_messages(request, messages)


def _without(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name != "extra_content"}

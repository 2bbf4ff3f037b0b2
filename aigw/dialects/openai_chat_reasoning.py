"""Puts reasoning into the messages of chat completions, for providers that want theirs back."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.dialect import Turn
from aigw.core.document import Document
from aigw.core.pace import resting
from aigw.dialects.openai_chat import turn_of
from aigw.dialects.openai_chat_request import messages_of, set_messages
from aigw.dialects.view import text_of

_SAID = ("role", "content", "tool_calls", "function_call")


def return_reasoning(request: Document, find: Callable[[Turn, str], str]) -> None:
    """Gives reasoning to the answers that have none: to all in a request with tools, else to those with calls. `find`
    returns it for an answer and the question in front of it. Raises ValueError if `messages` is not an array of
    objects."""
    tools, messages, asked, changed = request.get("tools"), messages_of(request), "", False
    for message in resting(messages):
        turn = turn_of({name: message.get(name) for name in _SAID})
        asked = (turn.text if turn.role == "user" else "") or asked
        if turn.role == "assistant" and (tools or turn.calls) and not message.get("reasoning_content"):
            message.set("reasoning_content", text_of(message.get("reasoning")) or find(turn, asked))
            changed = True
    if changed:
        set_messages(request, messages)

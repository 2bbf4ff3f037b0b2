"""Finds the texts in the answers of DashScope's own API. Unless it is asked for increments, each event has the whole
text so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.answer import AnswerText
from aigw.dialects.openai_chat_texts import message_texts


def texts(body: Any, *, incremental: bool) -> Iterator[AnswerText]:
    output = body.get("output") if isinstance(body, dict) else None
    if not isinstance(output, dict):
        return
    if isinstance(text := output.get("text"), str) and text:
        yield AnswerText(("output", "text"), text, slot="text" if incremental else "")
    choices = output.get("choices")
    for position, choice in enumerate(choices if isinstance(choices, list) else ()):
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            for each in message_texts(("output", "choices", position, "message"), message, position):
                yield each if incremental else each._replace(slot="")

"""Reads reasoning from chat completions and puts it into their messages, for providers that want theirs back.

DeepSeek and others have a text, `reasoning_content`. OpenRouter has `reasoning_details`, a list: in a stream the text
of one detail comes in pieces with the same type and index, what is encrypted comes whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from aigw.core.dialect import Turn
from aigw.core.document import Document
from aigw.core.pace import resting
from aigw.dialects.json_values import Json
from aigw.dialects.openai_chat import turn_of
from aigw.dialects.openai_chat_request import messages_of, set_messages
from aigw.dialects.view import text_of

TEXT, DETAILS = "reasoning_content", "reasoning_details"
_SAID = ("role", "content", "tool_calls", "function_call")
_JOINED = ("text", "summary")


class MissingReasoning:
    """The answers in a request that have no reasoning. With TEXT they are all answers in a request with tools, else
    those with calls, and `reasoning`, as others call it, counts too; with DETAILS they are those with calls. `answers`
    has each with the question in front of it. Raises ValueError if `messages` is not an array of objects."""

    def __init__(self, request: Document, field: str = TEXT) -> None:
        self._request = request
        self._field = field
        self._messages = messages_of(request)
        self._without: list[Document] = []
        self.answers: list[tuple[Turn, str]] = []
        every, asked = field == TEXT and bool(request.get("tools")), ""
        for message in resting(self._messages):
            turn = turn_of({name: message.get(name) for name in _SAID})
            asked = (turn.text if turn.role == "user" else "") or asked
            if turn.role == "assistant" and (every or turn.calls) and not message.get(field):
                self._without.append(message)
                self.answers.append((turn, asked))

    def fill(self, found: Sequence[Any]) -> None:
        """Puts in the reasoning of each answer. One of which nothing was found stays as it is."""
        changed = False
        for message, reasoning in zip(resting(self._without), found, strict=True):
            own = text_of(message.get("reasoning")) if self._field == TEXT else ""
            if value := own or reasoning:
                message.set(self._field, value)
                changed = True
        if changed:
            set_messages(self._request, self._messages)


def has_calls(request: Document) -> bool:
    """Whether there may be calls in the messages of a request."""
    return request.mentions(b'"tool_calls"')


def has_tools(request: Document) -> bool:
    return request.raw("tools") is not None


def joined(details: Iterable[Json]) -> list[Json]:
    """Returns the details of an answer whose texts may have come in pieces."""
    whole: list[Json] = []
    texts: dict[tuple[str, str], Json] = {}
    for detail in details:
        names = [name for name in _JOINED if isinstance(detail.get(name), str)]
        key = (str(detail.get("type")), str(detail.get("index")))
        if not names or (known := texts.get(key)) is None:
            whole.append(dict(detail))
            if names:
                texts[key] = whole[-1]
            continue
        for name, value in detail.items():
            if name in names:
                known[name] = text_of(known.get(name)) + value
            elif value is not None:
                known[name] = value
    return whole

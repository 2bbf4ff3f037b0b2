"""How Higress's ai-history keeps a conversation: a JSON array of messages with a role and a text, and nothing else of
them; and how it puts it into the body of a request.

Rule: a value that Go cannot decode into its struct is None."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from aigw.core import document
from aigw.core.model import Batch, Chunk, raw_of
from aigw.higress.gjson import GjsonPath
from aigw.higress.go_values import go_json
from aigw.higress.raw_value import as_text, unquoted
from aigw.higress.values import truthy

QUESTION = GjsonPath("messages.@reverse.0.content")
ANSWER, STREAM_ANSWER = GjsonPath("choices.0.message.content"), GjsonPath("choices.0.delta.content")
MAX_BYTES = 32 * 1024 * 1024
"""The size of the largest answer whose text is kept."""
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Message(msgspec.Struct):
    """One message. null and missing fields are "", as in Go."""

    role: str | None = ""
    content: str | None = ""


_decode = msgspec.json.Decoder(list[Message] | None).decode
Turns = list[tuple[str, str]]
"""The roles and texts of messages."""


def decoded(value: bytes) -> Turns | None:
    try:
        return [(message.role or "", message.content or "") for message in _decode(value) or ()]
    except _BROKEN:
        return None


def encoded(turns: Iterable[tuple[str, str]]) -> bytes:
    return go_json([{"role": role, "content": content} for role, content in turns])


def question(body: bytes) -> str:
    """Returns the text of the last message without quotes around it; "" if there is none."""
    return as_text(body, QUESTION.get(Chunk(body, body).json()), QUESTION.text).strip('"')


def streams(body: bytes) -> bool:
    """Whether a request asks for a stream."""
    value = Chunk(body, body).json()
    return isinstance(value, dict) and truthy(value.get("stream"))


def filled(body: bytes, history: Sequence[tuple[str, str]]) -> bytes | None:
    """Returns the body with `history` in front of its messages, unless the user has spoken in it more than once. Of
    each message only the role and the text survive, and the names are sorted. None if Go could not decode it."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except _BROKEN:
        return None
    current = decoded(go_json(fields["messages"])) if "messages" in fields else None
    if current is None:
        return None
    once = [role for role, _ in current].count("user") <= 1
    fields["messages"] = msgspec.Raw(encoded([*(history if once else ()), *current]))
    return document.encoded(dict(sorted(fields.items())))


class AnswerText:
    """Collects the text of an answer, with its escapes as they are written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def batch(self, batch: Batch) -> None:
        raw = raw_of(batch)
        self._size += len(raw)
        if self._size <= MAX_BYTES:
            self._pieces.append(raw)
        else:
            self._pieces.clear()

    def text(self, *, stream: bool) -> str | None:
        """Returns the text of a stream, None if it has none. An incomplete event does not count."""
        body = b"".join(self._pieces)
        if not stream:
            return unquoted(body, Chunk(body, body).json(), ANSWER) or None
        texts = [_event_text(event) for event in body.split(b"\n\n")[:-1]]
        found = [text for text in texts if text is not None]
        return "".join(found) if found else None


def _event_text(event: bytes) -> str | None:
    data = next((line[5:] for line in event.split(b"\n") if line.startswith(b"data:")), b"")
    value = Chunk(data, data).json()
    raw = unquoted(data, value, STREAM_ANSWER)
    return raw if raw or STREAM_ANSWER.get(value) is not None else None

"""How Higress's ai-rag reads a chat, and writes it anew with passages: only a few fields survive, as numbers of Go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

RAW = "raw"
"""The field of a document that is its text, whatever the configuration says."""
_BEFORE = "现在，请回答以下问题：\n"
_BEHIND = "\n以上是一些可能有帮助的参考信息，你可以自行选择是否使用这些参考信息，现在请回答以下问题：\n"


class Message(msgspec.Struct):
    role: str = ""
    content: str = ""


class Chat(msgspec.Struct):
    """The fields of a body that Higress knows."""

    model: str = ""
    messages: list[Message] = []
    frequency_penalty: float = 0
    presence_penalty: float = 0
    stream: bool = False
    temperature: float = 0
    top_p: int = 0

    @property
    def question(self) -> str:
        return self.messages[-1].content if self.messages else ""


def read(body: bytes) -> Chat | None:
    """Returns the fields of a body, None if Go could not decode it into them."""
    try:
        return msgspec.json.decode(body, type=Chat)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def as_messages(chat: Chat, texts: Sequence[str]) -> bytes:
    """Returns the body with a user message for each text, and then the question."""
    added = [Message("user", text) for text in texts]
    chat.messages[-1:] = [*added, Message("user", _BEFORE + chat.question)]
    return _encode(chat)


def in_question(chat: Chat, text: str) -> bytes:
    """The first text is put before the question, in its message."""
    chat.messages[-1].content = text + _BEHIND + chat.question
    return _encode(chat)


def text_of(fields: Any) -> str:
    value = fields.get(RAW) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else ""


def _encode(chat: Chat) -> bytes:
    whole = {name: int(value) if isinstance(value, float) and value.is_integer() else value
             for name, value in msgspec.to_builtins(chat).items()}  # fmt: skip
    return msgspec.json.encode(whole)

"""Writes the request of a chat that continues a conversation, with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple


class Said(NamedTuple):
    """What one side has said. `images` are URLs, also of the kind `data:`."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: Sequence[str] = ()


def chat_after(model: str, conversation: Sequence[Said]) -> dict[str, Any]:
    """The body of a request for what comes next."""
    return {"model": model, "messages": [{"role": each.role, "content": _content(each)} for each in conversation]}


def _content(said: Said) -> str | list[dict[str, Any]]:
    if not said.images:
        return said.text
    texts = [{"type": "text", "text": said.text}] if said.text else []
    return [*texts, *({"type": "image_url", "image_url": {"url": url}} for url in said.images)]

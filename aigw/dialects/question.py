"""Writes a chat completion that aigw itself asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aigw.core.dialect import Said
from aigw.dialects.json_values import encoded

PATH = "/v1/chat/completions"


def chat(turns: Iterable[tuple[Said, str]], model: str, max_tokens: int) -> bytes:
    """Returns the body. What is "" or 0 is left out."""
    body: dict[str, Any] = {"messages": [{"role": role, "content": text} for role, text in turns], "stream": False}
    if model:
        body["model"] = model
    if max_tokens:
        body["max_tokens"] = max_tokens
    return encoded(body)

"""Where Higress looks for what the user said: in the messages of a chat, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def user_contents(body: Any) -> Iterator[tuple[str, Any]]:
    """The content of each message of the user, behind its gjson path."""
    messages = body.get("messages") if isinstance(body, dict) else None
    for index, turn in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(turn, dict) and turn.get("role") == "user":
            yield f"messages.{index}.content", turn.get("content")

"""OpenAI's API for chats, as Higress's plugins call it. No I/O."""

from __future__ import annotations

from typing import Any

from aigw.clients.callout import CalloutError


def chat_body(model: str, text: str) -> dict[str, Any]:
    """Returns the body of a request with one question."""
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def text_in(answer: Any) -> str:
    """The text of the first choice. Raises CalloutError if there is none."""
    try:
        text = answer["choices"][0]["message"]["content"]
    except (TypeError, LookupError):
        text = None
    if not isinstance(text, str):
        raise CalloutError("the answer is no chat completion")
    return text

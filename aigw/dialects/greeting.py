"""The smallest request of each API that a person may type: it greets a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aigw.dialects import apis

_HELLO = [{"role": "user", "content": "Hello!"}]
_BODIES: Mapping[str, Mapping[str, Any]] = {
    apis.CHAT: {"messages": _HELLO},
    apis.COMPLETIONS: {"prompt": "Hello!"},
    apis.EMBEDDINGS: {"input": "Hello!"},
    apis.RESPONSES: {"input": "Hello!"},
    apis.MESSAGES: {"max_tokens": 100, "messages": _HELLO},
}
_GEMINI = {"contents": [{"parts": [{"text": "Hello!"}]}]}
GREETED = tuple(_BODIES)
"""The APIs of which a first call may be, those that most providers have first."""


def chat_of(model: str, text: str) -> dict[str, Any]:
    """The body of a chat in which the user says this."""
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def greeting(api: str, model: str) -> str:
    """The body, which is JSON in one line. Gemini's names no model: its path does."""
    body = _GEMINI if api == apis.GENERATE_CONTENT else {"model": model, **_BODIES[api]}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)

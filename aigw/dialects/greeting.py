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
GREETED = tuple(_BODIES)
"""The APIs that can be greeted, those that most providers have first."""


def greeting(api: str, model: str) -> str:
    """The body, which is JSON in one line."""
    return json.dumps({"model": model, **_BODIES[api]}, separators=(",", ":"), ensure_ascii=False)

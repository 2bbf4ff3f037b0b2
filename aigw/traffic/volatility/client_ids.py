"""The ids that clients make up and send: of tool calls, of their sessions and of the machine.

Rule: a text counts as an id only in fields that hold ids. Some servers take the name of a tool as the id of its call,
and elsewhere that name must stay."""

from __future__ import annotations

import re
from typing import Any

_RESULT_FIELDS = frozenset(("tool_call_id", "tool_use_id", "call_id"))
"""The fields in which results of tools name their call (OpenAI chat, Anthropic, OpenAI Responses)."""
_RESULTS = ("functionResponse", "function_response")
"""Gemini's results of tools have it in their field `id`."""
_SESSIONS = ("prompt_cache_key", "user_id")
"""Codex and Claude Code name their sessions there. The latter writes more into it, and other clients write users."""
ID_FIELDS = frozenset((*_RESULT_FIELDS, *_SESSIONS, "id"))
"""The fields in which ids are replaced."""
OPAQUE = "client_metadata"
"""Codex describes itself, its turn and the state of the repository in this field of a request."""
_USER_ID = b'"user_id"'
_SESSION = re.compile(rb"session(?:_id)?[\W_]{1,8}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
"""Finds the session in Claude Code's `metadata.user_id`, which is `user_..._session_UUID` or JSON with `session_id`."""
_NEAR = 600
"""The whole value of the field is within this many bytes behind its name."""
_MARKS = ("call_id", "tool_use_id", *_RESULTS, *_SESSIONS)


def ids_in(body: Any, written: str) -> frozenset[str]:
    """Returns the ids in a body. `written` is the body as JSON, by which most bodies need not be walked through."""
    if not any(mark in written for mark in _MARKS):
        return frozenset()
    found: set[str] = set()
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(item, str):
                    waiting.append(item)
                    if key in _RESULTS and isinstance(item, dict) and isinstance(item.get("id"), str):
                        found.add(item["id"])
                elif key in _RESULT_FIELDS or (key in _SESSIONS and (key != "user_id" or "session" in item)):
                    found.add(item)
    return frozenset(found)


def session_in(body: bytes) -> str:
    """Returns the session that Claude Code names in the body of a request, "" if there is none."""
    at = body.find(_USER_ID)
    found = _SESSION.search(body, at, at + _NEAR) if at >= 0 else None
    return found[1].decode() if found else ""

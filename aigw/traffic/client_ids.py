"""The ids that clients make up and send: of tool calls, of their sessions and of the machine.

Rule: a text counts as an id only in fields that hold ids. Some servers take the name of a tool as the id of its call,
and elsewhere that name must stay."""

from __future__ import annotations

from typing import Any

_RESULT_FIELDS = ("tool_call_id", "tool_use_id", "call_id")
"""In these fields results of tools say to which call they belong (OpenAI chat, Anthropic, OpenAI Responses)."""
_RESULTS = ("functionResponse", "function_response")
"""Gemini's results of tools have it in their field `id`."""
_SESSIONS = ("prompt_cache_key", "user_id")
"""Codex and Claude Code name their sessions there. The latter writes more into it, and other clients write users."""
ID_FIELDS = frozenset((*_RESULT_FIELDS, *_SESSIONS, "id"))
"""The fields in which ids are replaced."""
OPAQUE = "client_metadata"
"""Codex describes itself, its turn and the state of the repository in this field of a request."""
_MARKS = ("call_id", "tool_use_id", *_RESULTS, *_SESSIONS)


def ids_in(body: Any, written: str) -> frozenset[str]:
    """Returns the ids in a body. `written` is the body as JSON, by which most bodies need not be walked through."""
    if not any(mark in written for mark in _MARKS):
        return frozenset()
    found: set[str] = set()
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.update(value[field] for field in _RESULT_FIELDS if isinstance(value.get(field), str))
            found.update(value[field] for field in _SESSIONS if _names_session(field, value.get(field)))
            results = [value[field] for field in _RESULTS if isinstance(value.get(field), dict)]
            found.update(result["id"] for result in results if isinstance(result.get("id"), str))
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return frozenset(found)


def _names_session(field: str, value: Any) -> bool:
    return isinstance(value, str) and (field != "user_id" or "session" in value)

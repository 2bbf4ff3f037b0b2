"""Reads values for Higress's ai_log and metrics from a request and its answer, exactly as Higress does, with its gaps.
For its own purposes, aigw uses the dialects instead."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from aigw.core.document import Document
from aigw.core.json_cuts import items
from aigw.core.model import Request
from aigw.core.pace import LARGE, resting
from aigw.higress.values import text_of

UNKNOWN = "UNKNOWN"

_GEMINI_PATH = re.compile(r".*/[^/]+/models/([^:]+):\w+Content")
_IDS = (("id",), ("response", "id"), ("responseId",), ("message", "id"))
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Turn(msgspec.Struct):
    role: Any = None


_decode_turns = msgspec.json.Decoder(list[_Turn]).decode
_decode_turn = msgspec.json.Decoder(_Turn).decode


@lru_cache(maxsize=1024)
def api_of(route: str) -> str:
    """Returns the API that a route's name contains: its first three parts between @, or "-" if it has fewer."""
    parts = route.split("@")
    return "@".join(parts[:3]) if len(parts) >= 3 else "-"


def model_of(request: Request) -> str:
    """Returns the model of a request, from its body or, as in Gemini's API, from its path. UNKNOWN if it has none."""
    try:
        document = request.document
        if "model" in document:
            return text_of(document.get("model"))
    except ValueError:
        pass
    match = _GEMINI_PATH.fullmatch(request.path)
    return match[1] if match else UNKNOWN


def chat_round(request: Request) -> int:
    """Returns how many turns of the user a request has. In Gemini's API, a turn without a role is the user's."""
    try:
        document = request.document
        messages = _roles(document, "messages")
        if messages is not None:
            return messages.count("user")
        contents = _roles(document, "contents") or []
        return contents.count("user") + contents.count(None)
    except (ValueError, *_BROKEN):
        return 0


def _roles(document: Document, name: str) -> list[Any] | None:
    """Returns the roles of the turns in a field, an empty list if one of them is no object. None if there are no
    turns."""
    if isinstance(turns := document.known(name), list):  # 2 us less than to decode them again
        roles = [turn.get("role") for turn in turns if isinstance(turn, dict)]
        return roles if len(roles) == len(turns) else []
    raw = document.raw(name)
    if raw is None or not raw.lstrip().startswith(b"["):
        return None
    if len(raw) <= LARGE:
        return [turn.role for turn in _decode_turns(raw)]
    return [_decode_turn(each).role for each in resting(items(raw))]


def chat_id(body: Any) -> str | None:
    """Returns the id of an answer, None if the body has none."""
    for path in _IDS:
        found = body
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return found if isinstance(found, str) else text_of(found)
    return None


def mentions_error(data: bytes) -> bool:
    """Returns whether one or more payloads may contain an error."""
    return b'"error"' in data


def is_error(body: Any) -> bool:
    return isinstance(body, dict) and body.get("error") not in (None, "", {}, [], False)

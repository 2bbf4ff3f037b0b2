"""The code of an error, from a body in the shape of any vendor."""

from __future__ import annotations

from typing import Any

from aigw.core.plain import plain
from aigw.dialects.json_values import decoded

LONGEST = 64
"""How many characters of a code are kept."""


def code_of(body: bytes) -> str:
    """Returns the code of the error in a body, "" if it has none."""
    try:
        document = decoded(body)
    except ValueError:
        return ""
    if isinstance(document, list) and document:  # Gemini's streams
        document = document[0]
    if not isinstance(document, dict):
        return ""
    error = document.get("error")
    found = [*_words(error, "code", "status", "type"), *_words(document, "code", "error_code", "type")]
    return next((plain(word[:LONGEST]) for word in found if word and word != "error"), "")


def _words(value: Any, *keys: str) -> list[str]:
    """The texts under these keys: a number is a status, which is known anyway."""
    if not isinstance(value, dict):
        return []
    return [value[key] for key in keys if isinstance(value.get(key), str)]

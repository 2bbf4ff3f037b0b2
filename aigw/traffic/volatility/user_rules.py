"""Rules of users: what they declare volatile in a request becomes DECLARED.

Rule: placeholders that stand in a text already are left alone, whatever a regular expression finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from aigw.higress.re2 import GoRegex
from aigw.traffic.volatility.builtin_rules import PLACEHOLDER
from aigw.traffic.volatility.pointer import Pointer

DECLARED = "<value>"
"""Replaces what a rule of the user finds."""
MAX_DEPTH = 100
"""Values that are nested deeper are refused."""
_PLACEHOLDERS = re.compile(f"({PLACEHOLDER.pattern})")


class UserRule(NamedTuple):
    """Replaces by `new` what is at `place`. `anywhere` is true if it concerns all texts of a request."""

    place: Pointer
    new: Callable[[Any], Any]
    anywhere: bool = False


def user_rule(pointer: str, regex: str, where: str) -> UserRule:
    """Makes a rule of what `VolatileRule` says. Raises ValueError if that is wrong."""
    if bool(pointer) == bool(regex):
        raise ValueError("needs either pointer or regex")
    if pointer:
        if where:
            raise ValueError("where is for a regex; a pointer says itself where it leads")
        return UserRule(Pointer(pointer), lambda value: DECLARED)
    try:
        found = GoRegex.longest(regex)
    except ValueError as error:
        raise ValueError(f"the regex {regex!r}: {error}") from None
    if found.search(""):
        raise ValueError(f"the regex {regex!r} finds the empty text, so that it would match everywhere")
    return UserRule(Pointer(where), partial(_texts, partial(_declared, found), 0), anywhere=not where)


def _texts(new: Callable[[str], str], depth: int, value: Any) -> Any:
    """Returns the value with `new` of each of its texts."""
    if depth > MAX_DEPTH:
        raise ValueError("JSON is nested too deeply")
    if isinstance(value, str):
        return new(value)
    if isinstance(value, dict):
        return {key: _texts(new, depth + 1, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(new, depth + 1, item) for item in value]
    return value


def _declared(regex: GoRegex, text: str) -> str:
    """Returns the text with DECLARED for what the regex finds outside of placeholders."""
    parts = _PLACEHOLDERS.split(text) if "<" in text else [text]
    for index in range(0, len(parts), 2):
        if (new := regex.replace_all(parts[index], DECLARED)) is not None:
            parts[index] = new
    return "".join(parts)

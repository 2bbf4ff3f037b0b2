"""Finds the JSON in what a model says: all of it, a block between fences, or what begins with a bracket.

Rule: it takes linear time, also for a text that is made of brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MOST = 1 << 20
"""The length of the longest text that is looked through, in characters."""
TRIES = 20
"""How many opening brackets are tried as the beginning of JSON."""
_FENCED = re.compile(r"```[^`\n]*\n(.*?)```", re.DOTALL)
_BRACKET = re.compile(r"[{\[]")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)


class FoundJson(NamedTuple):
    """JSON as it is written, and its value."""

    text: str
    value: Any


class NoJsonError(ValueError):
    """There is no JSON. `str(error)` says why, in words for the model."""


def find(text: str) -> FoundJson:
    """Raises NoJsonError."""
    if len(text) > MOST:
        raise NoJsonError(f"the answer has more than {MOST} characters")
    wrong = ""
    for candidate in _candidates(text):
        try:
            value, end = _decoder.raw_decode(candidate)
            if isinstance(value, dict | list):
                return FoundJson(candidate[:end], value)
        except (ValueError, RecursionError) as error:
            wrong = wrong or f": {error}"
    raise NoJsonError(f"the answer is no JSON object or array{wrong}")


def _candidates(text: str) -> Iterator[str]:
    yield text.strip()
    for block in _FENCED.finditer(text):
        yield block[1].strip()
    for number, bracket in enumerate(_BRACKET.finditer(text)):
        if number == TRIES:
            return
        yield text[bracket.start() :]

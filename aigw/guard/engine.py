"""RE2, whose time grows linearly with the text. All patterns of the screen run on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from aigw.guard.view import Span

_MEMORY = 64 << 20
"""How many bytes one pattern may use for its states. With more states it becomes slower."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Compiles a pattern. Raises ValueError that says what is wrong with it."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None


def spans(pattern: str, text: str, group: int = 0) -> Iterator[Span]:
    """Yields where the pattern, or a group of it, matches, from left to right, without empty matches."""
    given = text.encode() if text.isascii() else text  # the characters of bytes need not be counted
    for match in compiled(pattern).finditer(given):
        start, end = match.span(group)
        if start < end:
            yield start, end


def occurs(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text.encode()) is not None


@lru_cache(maxsize=256)
def any_of(*patterns: str) -> str:
    """A pattern that is found wherever one of these is."""
    return "|".join(f"(?:{pattern})" for pattern in patterns)

"""RE2, which takes time that grows with the text and never more. All patterns of the screen run on it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from aigw.guard.view import Span


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Raises ValueError, which says what is wrong with the pattern."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None


def spans(pattern: str, text: str) -> Iterator[Span]:
    """Where the pattern is found, from left to right. What is empty is left out."""
    for match in compiled(pattern).finditer(text):
        if match.end() > match.start():
            yield match.span()


def occurs(pattern: str, text: str) -> bool:
    return compiled(pattern).search(text) is not None

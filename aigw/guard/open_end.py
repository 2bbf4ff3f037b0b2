"""The end of a text that goes on: how much of it may be the beginning of personal data or of a secret.

Rule: what these are made of has no blanks in it, but for numbers in groups and for a name in front of a value, which
are short; or it is a private key, which has a first line."""

from __future__ import annotations

import re

from aigw.guard.credentials import MOST_PEM, PEM_START

_SHORT = 64
"""A number in groups, and a name with what stands between it and its value, have fewer characters."""
_LONGEST = 2000
"""A word with more characters is no finding."""
_WORD_BACKWARDS = re.compile(r"\s{0,3}[!-~]*")


def open_end(text: str) -> int:
    """The number of characters, 0 for an empty text."""
    tail = text[-MOST_PEM:]
    begins = tail.rfind(PEM_START)
    if begins >= 0 and "-----END" not in tail[begins:]:
        return len(tail) - begins
    word = _WORD_BACKWARDS.match(tail[: -_LONGEST - 1 : -1])
    return min(len(text), _SHORT + (word.end() if word else 0))

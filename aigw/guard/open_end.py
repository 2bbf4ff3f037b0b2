"""Finds out how much of the end of an unfinished text may be the beginning of personal data or of a secret.

Rule: personal data and secrets have no blanks in them, except for numbers in groups and a name in front of a value,
which are short, and for private keys, which have a first line."""

from __future__ import annotations

import re

from aigw.guard.credentials import MOST_PEM, NAMES, PEM_START
from aigw.guard.engine import occurs

_SHORT = 64
"""A number in groups, and a name with what stands between it and its value, have fewer characters."""
_LONGEST = 2000
"""A word with more characters is no finding."""
_NUMBER_OR_NAME = rf"[0-9]|(?i:{NAMES}|passcode|bearer|basic|authorization|密码|口令|密钥|秘钥|令牌)"
_WORD_BACKWARDS = re.compile(r"\s{0,3}[!-~]*")


def open_end(text: str) -> int:
    """The number of characters, 0 for an empty text."""
    tail = text[-MOST_PEM:]
    begins = tail.rfind(PEM_START)
    if begins >= 0 and "-----END" not in tail[begins:]:
        return len(tail) - begins
    found = _WORD_BACKWARDS.match(tail[: -_LONGEST - 1 : -1])
    word = found.end() if found else 0
    before = tail[: len(tail) - word][-_SHORT:]
    return word + (len(before) if occurs(_NUMBER_OR_NAME, before) else 0)

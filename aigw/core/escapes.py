"""Finds secrets in bytes in which some of their characters are escaped, as JSON, URLs and HTML escape them, one way in
another or mixed.

Rule: where a secret is found that cannot be cut out, nothing of the bytes is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

HIDDEN = b"***"
_ESCAPE = re.compile(
    rb"\\(?<!\\\\)\\*+(?:u00([0-9A-Fa-f]{2})|(?=[/\"]))|%([0-9A-Fa-f]{2})|&#[xX]0{0,6}([0-9A-Fa-f]{1,2});"
    rb"|&#0{0,6}([0-9]{1,3});"
)
"""A run of backslashes is looked at once, however long it is. Each way begins with a character, not with an assertion:
Python's engine then skips most of a text."""
_MOST_LAYERS = 4
"""How often an escape may itself be escaped."""


def without_escaped(data: bytes, secrets: Sequence[bytes]) -> bytes:
    """Returns the data with `***` in place of each of these secrets. Without one, it is the same object."""
    if not any(map(_unescaped(data).count, secrets)):
        return data
    for secret in secrets:
        data = _pattern(secret).sub(HIDDEN, data)
    return HIDDEN if any(map(_unescaped(data).count, secrets)) else data


def _unescaped(data: bytes) -> bytes:
    for _ in range(_MOST_LAYERS):
        plain = _ESCAPE.sub(_character, data)
        if plain == data:
            break
        data = plain
    return data


def _character(found: re.Match[bytes]) -> bytes:
    if hexadecimal := found[1] or found[2] or found[3]:
        return bytes((int(hexadecimal, 16),))
    return bytes((int(found[4]) % 256,)) if found[4] else b""


@lru_cache(maxsize=256)
def _pattern(secret: bytes) -> re.Pattern[bytes]:
    return re.compile(b"".join(map(_ways, secret)))


def _ways(code: int) -> bytes:
    """Matches one byte of a secret in each way in which it may be written."""
    digits = b"%02x" % code
    hexadecimal = b"".join(b"[%c%c]" % (each, each - 32) if each > 96 else b"%c" % each for each in digits)
    literal = re.escape(bytes((code,)))
    forms = (
        rb"\\{0,8}" + literal, rb"\\{1,8}u00" + hexadecimal, b"%(?:25){0,4}" + hexadecimal,
        b"&#[xX]0{0,6}" + hexadecimal + b";", b"&#0{0,6}%d;" % code,
    )  # fmt: skip
    return b"(?:" + b"|".join(forms) + b")"

"""Whether a value looks like a real secret, unlike the examples, variables and words that stand in the same places."""

from __future__ import annotations

import re

_LONG = 20
"""From this length on, a secret may consist of digits and lower-case letters only."""
_EXAMPLE = re.compile(
    r"(?i)\A(?:your|insert|enter|change|replace)[_-]|\A(?:your|my|the|some|example|sample|dummy|fake|redacted|hidden|none"
    r"|null|true|false|undefined|placeholder|pass|passw(?:or)?d|secret|token|api_?key|user|changeme)[a-z_-]*\Z"
    r"|\A[\W_]*\Z|\A(.)\1*\Z|x{4,}|\*{3,}|\.{3}|…|_here\b|(?:\A|[_-])(?:todo|tbd|goes[_-]here)(?:\Z|[_-])"
)
_VARIABLE = re.compile(
    r"\A(?:[$%{<\[(]|\\\$|@[A-Za-z])|[({<\[]\w*\Z|\A[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|\A_*[A-Za-z]+\d{0,3}(?:_[A-Za-z]*\d{0,3})+\Z|\A[A-Z_]+\d?\Z"
    r"|\A(?:https?|file)://|\A[~./]|\A#[0-9a-fA-F]{3,8}\Z|environ|getenv|process\.env|secrets\.|\A\d[\d.:-]*\Z"
)


def is_secret_value(value: str, *, least: int, long: int = 0) -> bool:
    """`least` is how many of capitals, small letters, digits and signs a short value must have. One with `long`
    characters needs no other sign, where that is given."""
    if _EXAMPLE.search(value) or _VARIABLE.search(value):
        return False
    kinds = _kinds(value)
    return len(kinds) >= least or 0 < long <= len(value) or (len(value) >= _LONG and is_made_up(value))


def is_made_up(value: str) -> bool:
    """Whether it mixes letters and digits as a key does, and a name with a number does not."""
    digits = sum(char.isdigit() for char in value)
    return digits >= 2 and sum(char.isalpha() for char in value) >= 2 and len(set(value)) >= 8


def _kinds(value: str) -> set[str]:
    """Returns the kinds of characters in a value. The characters that join words of a name are not counted."""
    return {
        "capital" if char.isupper() else "small" if char.islower() else "digit" if char.isdigit() else "sign"
        for char in value
        if char not in "_-."
    }

"""Personal data that has a form: numbers with check digits, mail addresses. Names and addresses in prose have none."""

from __future__ import annotations

from collections.abc import Iterator

from aigw.guard.checksums import luhn
from aigw.guard.engine import spans
from aigw.guard.finding import PERSONAL
from aigw.guard.rule import Rule
from aigw.guard.view import Span

_EMAIL = r"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_+-])?@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
_CARD = r"[3-6]\d{3}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,7})"


def _cards(text: str) -> Iterator[Span]:
    for start, end in spans(_CARD, text):
        digits = text[start:end].replace(" ", "").replace("-", "")
        if 13 <= len(digits) <= 19 and _alone(text, start, end) and luhn(digits):
            yield start, end


def _alone(text: str, start: int, end: int) -> bool:
    """Whether no letter, digit or dash touches the number: with one, it is a part of something else."""
    around = text[max(start - 1, 0) : start] + text[end : end + 1]
    return not any(char.isascii() and (char.isalnum() or char in "-_") for char in around)


RULES = (
    Rule("email", PERSONAL, "medium", "mask", 350, "a mail address", lambda text: spans(_EMAIL, text)),
    Rule("card", PERSONAL, "high", "mask", 30, "the number of a payment card, by its check digit", _cards),
)

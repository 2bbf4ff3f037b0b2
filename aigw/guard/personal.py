"""Personal data that has a form: numbers with check digits, phone numbers, mail addresses.

Rule: a number counts only if no digits or letters stand right beside it, because most runs of digits are parts of
something else. Names and addresses in prose have no form and are not found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw.guard.checksums import IBAN_LENGTHS, chinese_id, iban, luhn
from aigw.guard.engine import any_of, occurs, spans
from aigw.guard.finding import PERSONAL
from aigw.guard.phones import PHONES, phones
from aigw.guard.rule import Hit, Rule
from aigw.guard.surroundings import alone, before
from aigw.guard.view import Span

RULES = (
    Rule("email", PERSONAL, "medium", "mask", 350, "mail addresses"),
    Rule("phone", PERSONAL, "medium", "mask", 30, "phone numbers: CN, US, or with +"),
    Rule("card", PERSONAL, "high", "mask", 30, "payment cards, by check digit"),
    Rule("iban", PERSONAL, "high", "mask", 45, "bank accounts, by check digits"),
    Rule("chinese-id", PERSONAL, "high", "mask", 22, "identity cards, by check digit"),
    Rule("us-ssn", PERSONAL, "high", "mask", 12, "numbers such as 000-00-0000"),
)

_EMAIL = r"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_+-])?@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
_FILES = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|bmp|ico|tsx?|jsx?|mjs|css|html?|json|ya?ml|md|txt|py|zip)$", re.IGNORECASE
)
_IN_URL = re.compile(r"://\S*\Z")
_CARD = r"[3-6]\d{3}(?:(?:[ -]?\d{4}){3}(?:[ -]?\d{1,3})?|[ -]?\d{6}[ -]?\d{4,5}|\d{9})"
_MAKER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
)
_TWO_CARD = r"2[2-7]\d{2}(?:[ -]?\d{4}){3}"
_IBAN = r"[A-Z]{2}\d{2} ?[A-Z0-9]{2}"
_CHINESE_ID = r"[1-8]\d{5} ?(?:18|19|20)\d{6} ?\d{3}[\dXx]"
_SSN = r"\d{3}-\d{2}-\d{4}"
_NUMBERS = any_of(_CARD, _TWO_CARD, _CHINESE_ID, _SSN, *PHONES)
_ANY = any_of("@", r"[A-Z]{2}\d\d ?[A-Z0-9]{4}", _NUMBERS)
_ANY_STRICT = any_of("@", r"[A-Z]{2}\d\d ?[A-Z0-9]{4}", r"\d(?:[ .()-]{0,2}\d){6}")


def find(text: str, strict: bool = False) -> Iterator[Hit]:
    """Finds personal data. With `strict`, also finds numbers that only the words around them identify."""
    if not occurs(_ANY_STRICT if strict else _ANY, text):
        return
    for rule, found in (("email", _emails(text)), ("iban", _ibans(text)), *_numbers(text, strict)):
        for start, end in found:
            yield Hit(rule, start, end)


def _numbers(text: str, strict: bool) -> Iterator[tuple[str, Iterator[Span]]]:
    if not strict and not occurs(_NUMBERS, text):
        return
    yield "card", _cards(text)
    yield "chinese-id", _chinese_ids(text)
    yield "us-ssn", _ssns(text, strict)
    yield "phone", phones(text, strict)


def _emails(text: str) -> Iterator[Span]:
    for start, end in spans(_EMAIL, text) if "@" in text else ():
        in_url = _IN_URL.search(text[max(start - 100, 0) : start])
        program = text.startswith("git@", start) and text.startswith(":", end)
        if not (in_url or program or _FILES.search(text, start, end)):
            yield start, end


def _cards(text: str) -> Iterator[Span]:
    for pattern in (_CARD, _TWO_CARD):
        for start, end in spans(pattern, text):
            digits = re.sub("[ -]", "", text[start:end])
            if (
                _MAKER.fullmatch(digits)
                and luhn(digits)
                and alone(text, start, end)
                and not _in_table(text, start, end)
            ):
                yield start, end


def _in_table(text: str, start: int, end: int) -> bool:
    """Whether more groups of four digits stand right before or behind a number that consists of such groups."""
    if not text[start + 4 : start + 5].isspace():
        return False
    return bool(
        re.search(r"\d{4} $", text[max(start - 5, 0) : start]) or re.match(r" \d{4}(?!\d)", text[end : end + 6])
    )


def _ibans(text: str) -> Iterator[Span]:
    for start, _ in spans(_IBAN, text):
        length = IBAN_LENGTHS.get(text[start : start + 2], 0)
        found = re.compile(rf"(?:[A-Z0-9] ?){{{max(length - 1, 0)}}}[A-Z0-9]").match(text, start)
        if length and found and alone(text, start, found.end()) and iban(found[0].replace(" ", "")):
            yield found.span()


def _chinese_ids(text: str) -> Iterator[Span]:
    for start, end in spans(_CHINESE_ID, text):
        if alone(text, start, end) and chinese_id(text[start:end].replace(" ", "")):
            yield start, end


def _ssns(text: str, strict: bool) -> Iterator[Span]:
    named = before(r"(?i)ssn|social security")
    for pattern in (_SSN, r"\d{3}[- ]?\d{2}[- ]?\d{4}") if strict else (_SSN,):
        for start, end in spans(pattern, text):
            area, group, serial = (digits := re.sub("[ -]", "", text[start:end]))[:3], digits[3:5], digits[5:]
            possible = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
            if possible and alone(text, start, end) and (pattern == _SSN or named(text, start)):
                yield start, end

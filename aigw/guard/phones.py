"""Phone numbers: those of China and North America in the forms in which people write them there, others with a plus and
the code of a country."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw.guard.engine import spans
from aigw.guard.surroundings import alone, before
from aigw.guard.view import Span

_MOBILE = r"(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
_PREFIX = re.compile(r"(?:13\d|14[5-9]|15[0-35-9]|16[2567]|17[0-8]|18\d|19[0-35-9])")
_LANDLINE = r"(?:\(0[1-9]\d{1,2}\) ?|0[1-9]\d{1,2}-)[2-9]\d{6,7}"
_AREA, _EXCHANGE = r"[2-9]\d{2}", r"[2-9]\d{2}"
_AMERICAN = (
    rf"(?:\+?1[ .-]?)?(?:\({_AREA}\) ?{_EXCHANGE}[ .-]\d{{4}}|{_AREA}-{_EXCHANGE}-\d{{4}}"
    rf"|{_AREA}\.{_EXCHANGE}\.\d{{4}})"
)
_WITH_CODE = r"\+[1-9]\d{0,2}(?:[ .-]?\(0?\d{1,4}\))?(?:[ .-]?\d{1,5}){2,6}"
_BARE = r"\(?0?\d{2,4}\)?[ .-]?\d{3,4}[ .-]?\d{3,5}"
PHONES = (_MOBILE, _LANDLINE, _AMERICAN, _WITH_CODE)
"""If none of these matches, a text has no phone number unless `strict` is set."""
_CODES = re.compile(
    r"\+(?:1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|21[1-368]|2[2-6]\d|29[0179]|3[578]\d|42[013]"
    r"|50\d|59\d|6[79]\d|8[58]\d|96\d|97\d|99\d)"
)
_NAMED = before(
    r"(?i)phone|mobile|\bcell|\btel\b|\bcall\b|\bfax\b|whatsapp|sms|contact|电话|手机|联系|致电|拨打|传真|热线|微信"
)
_OTHER = before(
    r"(?i)order|invoice|tracking|serial|version|\bids?\b|\bno\b|订单|单号|编号|流水|序列|版本|批次|账号|/\Z"
)


def phones(text: str, strict: bool = False) -> Iterator[Span]:
    """Finds phone numbers. With `strict`, also finds numbers without a country code that follow a word such as
    "phone"."""
    yield from _mobile(text)
    for pattern in (_LANDLINE, _AMERICAN):
        for start, end in spans(pattern, text):
            if alone(text, start, end) and not _OTHER(text, start):
                yield start, end
    for start, end in spans(_WITH_CODE, text):
        digits = sum(char.isdigit() for char in text[start:end])
        code = _CODES.match(text, start, end)
        if code and 9 <= digits <= 15 and alone(text, start, end) and _written(text[start:end], text, start):
            yield start, end
    if strict:
        for start, end in spans(_BARE, text):
            digits = sum(char.isdigit() for char in text[start:end])
            if 8 <= digits <= 12 and alone(text, start, end) and _NAMED(text, start):
                yield start, end


def _mobile(text: str) -> Iterator[Span]:
    for start, end in spans(_MOBILE, text):
        number = re.sub(r"^\+?86(?=\D?1\d{2}\D?\d{4}\D?\d{4}$)|[ -]", "", text[start:end])
        believed = _NAMED(text, start) or not _OTHER(text, start)
        if len(number) == 11 and _PREFIX.match(number) and believed and alone(text, start, end):
            yield start, end


def _written(number: str, text: str, start: int) -> bool:
    """Whether it looks like a phone number and not like a sum: with separators, or long and named."""
    return any(char in " .-(" for char in number) or _NAMED(text, start) or len(number) >= 12

"""Decides what is a secret: by the name of its key, header or parameter, or by what the value looks like.

Rule: if in doubt, it is a secret. A value that is a secret here is never printed, logged or shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, NamedTuple

HIDDEN = "***"
MASK = "\ufdd0"
"""Replaces each character of a secret while a text is searched, so that all other characters keep their positions. It
is a Unicode noncharacter, so that normal text does not contain it."""

_KEY = re.compile(
    r"(?<!^max)(tokens?|passw(or)?d|passphrase|secret|credentials?|authorization)$"
    r"|(api|auth|access|secret|private|admin)keys?$|^(ak|sk)$",
    re.IGNORECASE,
)
"""Matches the keys of secrets in JSON and YAML. `-` and `_` are removed from a key before."""
_NAME = re.compile(
    r"key|token|secret|passw|credential|cookie|signature|\bsig\b|auth(?!ority|ors?$)|^pwd$", re.IGNORECASE
)
"""Matches the names of secret headers and query parameters. It is wider than `_KEY`, because more of them are
credentials."""
_HARMLESS_NAME = re.compile(r"ratelimit|^idempotency-key$", re.IGNORECASE)

_BLANK = r"[\s\x00-\x1f\x7f-\xa0\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff]+"
_BLANKS_AROUND = re.compile(rf"\A{_BLANK}|{_BLANK}\Z")
"""Blanks, line breaks, control characters, byte order marks and other characters that nobody sees."""

_USER_IN_URL = r"://[^/\s]*@"
_NAMED_IN_QUERY = r"([?&][^=&\s]{0,60}(?:key|token|secret|passw|sig)[^=&\s]{0,20}=)"
_URL_LOOKS = (
    (re.compile(_USER_IN_URL), "://***@"),
    (re.compile(rf"{_NAMED_IN_QUERY}[^&\s]+", re.IGNORECASE), r"\1***"),
)

_NAMED = r"(?:api|auth|access|secret|private)[_-]?keys?|[\w-]{0,40}(?:token|secret|passw(?:or)?d|authorization)"
_VALUE = r"[^\s\"'\\&,;]+"
_GAP = r"[\"'\\]{0,4}\s{0,3}[:=]\s{0,3}[\"'\\]{0,4}"
_Look = tuple[re.Pattern[str], str]


def _looks(*looks: tuple[str, str, bool]) -> tuple[_Look, ...]:
    return tuple(
        (re.compile(pattern, re.IGNORECASE if any_case else 0), instead) for pattern, instead, any_case in looks
    )


class _Shape(NamedTuple):
    """The form of some keys. Only a text in which `hint` finds something can contain one. `hint` takes a tenth of the
    time of the pattern, because it begins with rare characters."""

    pattern: re.Pattern[str]
    hint: re.Pattern[str]


def _shape(pattern: str, hint: str) -> _Shape:
    return _Shape(re.compile(pattern), re.compile(hint))


_MAKERS = (
    "sk", "pk", "rk", "gsk", "xai", "hf", "gho", "ghp", "ghr", "ghs", "ghu", "glpat", "xoxa", "xoxb", "xoxe", "xoxp",
    "xoxr", "xoxs", "pplx", "nvapi", "tvly", "npm", "r8", "csk", "fw", "pypi", "dop_v1",
)  # fmt: skip
"""The beginnings of keys, before a `-` or `_`."""
_AFTER_MAKER = "|".join(rf"(?<=\b(?:{'|'.join(same)}).)" for _, same in groupby(sorted(_MAKERS, key=len), len))
"""Looks behind a character for one of them. Those in one such pattern must have the same length."""
_SHAPES = (
    _shape(rf"\b(?:{'|'.join(_MAKERS)})[-_][\w-]{{8,}}", rf"[-_](?:{_AFTER_MAKER})[\w-]{{8}}"),
    _shape(r"\b[0-9a-f]{32}\.[A-Za-z0-9]{12,}", r"\.(?<=[0-9a-f]{32}\.)"),
    _shape(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[\w\s+/=:,-]|\\+[nrt/])*", "-----BEGIN "),
    _shape(r"\b(?:github_pat_\w{8,}|AKIA[A-Z0-9]{12,}|LTAI\w{10,}|AIza[\w-]{16,})", "_pat_|AKIA|LTAI|AIza"),
    _shape(r"\beyJ[\w-]{8,2000}\.[\w.-]{4,}", "eyJ"),
    _shape(
        r"(?:(?<=://)|(?<=:\\/\\/))[^\s/@:\"'<>\\]{0,64}:"
        r"(?!(?i:pass|password|passwd|pwd|secret)@|[$<{%*\[])[^\s/@:\"'<>\\]{3,128}(?=@)",
        r":(?://|\\/\\/)(?=[^\s/@:]{0,64}:[^\s/@:]{3,128}@)",
    ),
)
"""The forms of keys of known makers, and of users with a password in a URL, wherever they stand. What is a password by
its name, or stands for one, stays."""
_LOOKS = (
    *_looks(
        (r"\b(bearer|basic)(\s+)[\w.~+/=-]{6,}", rf"\1\2{MASK}", True),
        (rf"\b({_NAMED})({_GAP})(?!{MASK}|bearer|basic){_VALUE}", rf"\1\2{MASK}", True),
        (rf"{_NAMED_IN_QUERY}{_VALUE}", rf"\1{MASK}", True),
        (_USER_IN_URL, f"://{MASK}@", False),
    ),
    *((shape.pattern, MASK) for shape in _SHAPES),
)
"""Patterns of secrets in any text, each with its replacement."""


@lru_cache(maxsize=4096)
def is_secret_key(key: str | int) -> bool:
    """Whether a key of JSON or YAML names a secret, in any spelling: apiTokens, api_tokens, secretKey, password, ak."""
    return isinstance(key, str) and bool(_KEY.search(re.sub(r"[_-]", "", key)))


def is_secret(path: Sequence[str | int]) -> bool:
    """Whether any key on the path names a secret."""
    return any(map(is_secret_key, path))


def is_hidden(path: Sequence[str | int], value: Any) -> bool:
    """Whether the JSON leaf `value` at `path` is a secret. A number under a key such as `max_tokens` is not."""
    if value is None or isinstance(value, bool) or not is_secret(path):
        return False
    last = path[-1]
    return isinstance(value, str) or not (isinstance(last, str) and last.lower().endswith("tokens"))


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether a header or a query parameter of this name is probably a credential."""
    return bool(_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def without_blanks(text: str) -> str:
    """Returns a secret without the blanks and line breaks around it, which files and shells add."""
    return _BLANKS_AROUND.sub("", text)


def without_password(text: str) -> str:
    """Returns a URL with `***` in place of its user, its password and the keys in its query."""
    for pattern, instead in _URL_LOOKS:
        text = pattern.sub(instead, text)
    return text


def masked(text: str) -> str:
    """Returns the text with a MASK in place of each character of everything that looks like a secret. The length stays
    the same. Give it short texts only, because some patterns are slow."""
    for pattern, instead in _LOOKS:
        text = pattern.sub(partial(_masked, instead), text)
    return text


def without_shapes(text: str) -> str:
    """Returns the text with `***` in place of everything that has the shape of a known maker's key. What only has a
    name like `token=` before it stays: logs of models are full of them."""
    for shape in _SHAPES:
        if shape.hint.search(text):
            text = shape.pattern.sub(HIDDEN, text)
    return text


def shapes_in(text: str) -> list[str]:
    """Returns everything in a text that has the shape of a known maker's key."""
    return [found[0] for shape in _SHAPES if shape.hint.search(text) for found in shape.pattern.finditer(text)]


def _masked(instead: str, found: re.Match[str]) -> str:
    left = found.expand(instead)
    return left.replace(MASK, MASK * (len(found[0]) - len(left) + 1))

"""Secrets: the keys of known makers by their form, others by the name that stands before them.

Rule: a name alone is not enough; what stands behind it must look as if somebody had made it up to be secret. (What must
never get into a log is decided by `core/secrets.py`, which would rather hide too much.)"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw.guard.engine import any_of, occurs, spans
from aigw.guard.finding import SECRET
from aigw.guard.maker_keys import AWS, GITHUB, LLM, SHAPES, github_check
from aigw.guard.plausible import is_made_up, is_secret_value
from aigw.guard.rule import Hit, Rule
from aigw.guard.view import Span

MOST_PEM = 16_384
"""A private key of RSA with 16,384 bits has 12,000 characters."""

RULES = (
    Rule("private-key", SECRET, "max", "mask", MOST_PEM, "private keys, from BEGIN to END"),
    Rule("aws-key", SECRET, "high", "mask", 20, "ids of access keys of AWS"),
    Rule("github-token", SECRET, "high", "mask", 100, "GitHub and npm, by checksum"),
    Rule("llm-key", SECRET, "high", "mask", 220, "keys for models: sk-..."),
    Rule("api-key", SECRET, "high", "mask", 300, "keys of other makers, by form"),
    Rule("jwt", SECRET, "high", "mask", 2000, "JSON Web Tokens"),
    Rule("url-password", SECRET, "high", "mask", 200, "scheme://user:PASSWORD@host"),
    Rule("password", SECRET, "high", "mask", 250, "password=..., api_key: ..., 密码是"),
    Rule("authorization", SECRET, "high", "mask", 600, "behind Bearer and Basic"),
)

PEM_START = "-----BEGIN "
_PEM = PEM_START + r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_LEAST_PEM = 16
"""How many different characters the beginning of a real key has at least. An example such as XXXX has fewer."""
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"(?:[A-Za-z0-9+/=:,.\s-]|\\[nrt])*")
_JWT = r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"
_URL = r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://([^\s/:@'\"<>]{0,64}):([^\s/@:,'\"<>]{3,128})@[\w\[]"
NAMES = r"passw(?:or)?ds?|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|token"
_NAMED = (
    rf"(?i)(?:\b|_)[\w-]{{0,30}}(?:{NAMES}|secret[_-]access[_-]key)[\"'\\]{{0,3}}\s{{0,3}}(?::=|=>|[:=])\s{{0,3}}"
    r"(?:[\"'`\\]{1,3}([^\s\"'`\\]{6,200})|([^\s\"'`\\,;&|<>(){}\[\]]{8,200}))"
)
_SAID = (
    r"(?i)\b(?:password|passcode|passphrase)\b(?: \w{1,20}){0,3}? (?:is|was)(?: now)?:? [\"']?([^\s\"',;]{6,100})"
    r"|(?:密码|口令|密钥|秘钥|令牌)[^\s，。；、,:=]{0,4}?(?:是|为|[:=]) ?[\"'“「]?([!-~]{6,128})"
)
_AUTHORIZATION = r"(?i)\b(?:bearer|basic|(?:authorization[\"']?\s?[:=]\s?[\"']?token))\s+([A-Za-z0-9._~+/=-]{16,512})"
_ANY = any_of(
    _PEM, _JWT, r"://[^\s/]{0,200}@", rf"(?i){NAMES}|bearer|basic |authorization|密码|口令|密钥|秘钥|令牌",
    AWS, GITHUB, LLM, *SHAPES,
)  # fmt: skip


def find(text: str, strict: bool = False) -> Iterator[Hit]:
    """Finds secrets. With `strict`, also finds tokens with a wrong checksum, and simpler passwords."""
    if not occurs(_ANY, text):
        return
    for rule, found in (
        ("private-key", _private_keys(text)),
        ("aws-key", spans(AWS, text)),
        ("github-token", _github(text, strict)),
        ("llm-key", (each for each in spans(LLM, text) if is_made_up(text[slice(*each)]))),
        ("api-key", spans(any_of(*SHAPES), text)),
        ("jwt", spans(_JWT, text)),
        ("url-password", _url_passwords(text)),
        ("password", _named(text, strict)),
        ("authorization", (each for each in spans(_AUTHORIZATION, text, 1) if is_made_up(text[slice(*each)]))),
    ):
        for start, end in found:
            yield Hit(rule, start, end)


def _private_keys(text: str) -> Iterator[Span]:
    """Yields private keys. A key without its last line extends as far as its letters do."""
    at = 0
    for start, head in spans(_PEM, text):
        if start < at:
            continue
        end = _PEM_END.search(text, head, start + MOST_PEM)
        body = end or _PEM_BODY.match(text, head, start + MOST_PEM)
        at = body.end() if body else head
        if len(set(text[head : head + 200])) >= _LEAST_PEM:
            yield start, at


def _github(text: str, strict: bool) -> Iterator[Span]:
    for start, end in spans(GITHUB, text):
        if strict or github_check(text[start:end]):
            yield start, end


def _url_passwords(text: str) -> Iterator[Span]:
    for start, end in spans(_URL, text, 2):
        user = re.search(r"[^/]*\Z", text[max(start - 66, 0) : start - 1])
        if is_secret_value(text[start:end], least=2, long=8) and not (user and user[0] == text[start:end]):
            yield start, end


def _named(text: str, strict: bool) -> Iterator[Span]:
    for pattern in (_NAMED, _SAID):
        for group in (1, 2):
            for start, end in spans(pattern, text, group):
                value = text[start:end]
                if is_secret_value(value, least=2 if strict else 3) and not text.startswith("(", end):
                    yield start, start + len(value.rstrip(".,;!?"))

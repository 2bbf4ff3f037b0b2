"""What of a request may be shown: secrets become `***`, by the names they stand under, by their look, and wherever a
value that was a secret in one place turns up in another.

Rule: rather hide too much. Texts are cut before they are searched, so that no body makes the search slow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from multidict import CIMultiDict

from aigw.config.load import Loaded
from aigw.config.report import Path, is_secret

HIDDEN = "***"
SHORTEST = 8
"""A secret of fewer characters is hidden in its place only: as part of other text it may be any word."""
MAX_LEAVES = 64
"""Of a larger value the rest is left out."""
_AROUND = 2000
"""Characters on either side of what is shown that are searched with it, so that a secret at its edge is seen."""
_BEFORE = 20
"""Characters that are shown before the place where two texts begin to differ."""

_NAME = re.compile(
    r"key|token|secret|passw|credential|cookie|signature|\bsig\b|auth(?!ority|ors?$)|^pwd$", re.IGNORECASE
)
_HARMLESS_NAME = re.compile(r"ratelimit|^idempotency-key$", re.IGNORECASE)
_NAMED = r"(?:api|auth|access|secret|private)[_-]?keys?|[\w-]{0,40}(?:token|secret|passw(?:or)?d|authorization)"
_VALUE = r"[^\s\"'\\&,;]+"
_GAP = r"[\"'\\]{0,4}\s{0,3}[:=]\s{0,3}[\"'\\]{0,4}"
_LOOKS = tuple(
    (re.compile(pattern, re.IGNORECASE if any_case else 0), instead)
    for pattern, instead, any_case in (
        (r"\b(bearer|basic)(\s+)[\w.~+/=-]{6,}", r"\1\2***", True),
        (rf"\b({_NAMED})({_GAP})(?!\*\*\*|bearer|basic){_VALUE}", r"\1\2***", True),
        (rf"([?&][\w.-]{{0,60}}(?:key|token|secret|sig)[\w.-]{{0,20}}=){_VALUE}", r"\1***", True),
        (r"://[^/\s@]{1,500}@", "://***@", False),
        (r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|glpat|xox[abp])[-_][\w-]{8,}", HIDDEN, False),
        (r"\b(?:github_pat_\w{8,}|AKIA[A-Z0-9]{12,}|LTAI\w{10,}|AIza[\w-]{16,})", HIDDEN, False),
        (r"\beyJ[\w-]{8,2000}\.[\w.-]{4,}", HIDDEN, False),
    )
)
"""What secrets look like wherever they stand, and what is shown in their place."""


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether a header or a query parameter of this name is a credential, for all that is known."""
    return bool(_NAME.search(name)) and not _HARMLESS_NAME.search(name)


@lru_cache(maxsize=4096)
def _is_secret_key(key: str | int) -> bool:
    return is_secret((key,))


def secrets_in(loaded: Loaded) -> set[str]:
    """The secrets of a configuration: what stands under a key or came from a variable that names one."""
    source = loaded.source
    found = {value for path, value in _leaves(source.values, ()) if any(map(_is_secret_key, path))}
    for path, names in source.expanded.items():
        if any(map(_is_secret_key, names)) and isinstance(value := _at(source.values, path), str):
            found.add(value)
    return {value for value in found if len(value) >= SHORTEST}


def _at(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text with its path."""
    waiting: list[tuple[Path, Any]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
        elif isinstance(value, str):
            yield path, value


class Redaction:
    """What is hidden in one request. Learn from all of it before anything is shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._known: set[str] = set()
        for secret in secrets:
            self._learn(secret)
        self._ordered: list[str] = []

    def learn_headers(self, headers: CIMultiDict[str]) -> None:
        for name, value in headers.items():
            if names_secret(name):
                self._learn(value)
                for part in re.split(r"[\s;,]+", value):
                    self._learn(part.partition("=")[2] if "cookie" in name.lower() else part)

    def learn_query(self, query: str) -> None:
        for name, _, value in _pairs(query):
            if names_secret(unquote(name)):
                self._learn(value)
                self._learn(unquote(value))

    def learn_json(self, value: Any) -> None:
        """Iterates, because a client may nest as deep as the parser lets it."""
        waiting = [(value, False)]
        while waiting:
            value, secret = waiting.pop()
            if isinstance(value, dict):
                waiting += [(item, secret or _is_secret_key(key)) for key, item in value.items()]
            elif isinstance(value, list):
                waiting += [(item, secret) for item in value]
            elif secret and isinstance(value, str):
                self._learn(value)

    def text(self, text: str, limit: int) -> str:
        return _cut(self._clean(text, 0, limit), limit)

    def pair(self, old: str, new: str, limit: int) -> tuple[str, str]:
        """Two texts from shortly before their first difference on, where they are too long to be shown whole."""
        if max(len(old), len(new)) <= limit:
            return self.text(old, limit), self.text(new, limit)
        start = _common(old, new)
        old, new = self._clean(old, start, limit), self._clean(new, start, limit)
        start = max(_common(old, new) - _BEFORE, 0)
        lead = "..." if start else ""
        return lead + _cut(old[start:], limit), lead + _cut(new[start:], limit)

    def header(self, name: str, value: str, limit: int) -> str:
        return HIDDEN if names_secret(name) else self.text(value, limit)

    def query(self, query: str, limit: int) -> str:
        shown = [
            f"{name}={HIDDEN}" if equals and names_secret(unquote(name)) else name + equals + value
            for name, equals, value in _pairs(query)
        ]
        return self.text("&".join(shown), limit)

    def json(self, path: Path, value: Any, limit: int) -> str:
        """A JSON value, as JSON."""
        return _cut(_written(self._shown(path, value, [MAX_LEAVES], limit)), limit)

    def _shown(self, path: Path, value: Any, left: list[int], limit: int) -> Any:
        left[0] -= 1
        if isinstance(value, dict | list) and value and left[0] <= 0:
            return "..."
        if isinstance(value, dict):
            items = list(value.items())[: max(left[0], 1)]
            return {self.text(key, 80): self._shown((*path, key), item, left, limit) for key, item in items}
        if isinstance(value, list):
            return [self._shown((*path, n), item, left, limit) for n, item in enumerate(value[: max(left[0], 1)])]
        if is_hidden(path, value):
            return HIDDEN
        return self.text(value, limit) if isinstance(value, str) else value

    def _clean(self, text: str, start: int, limit: int) -> str:
        """A part of the text that begins up to _AROUND before `start`, without the secrets in it."""
        before = text[:start]
        for secret in self._secrets():
            before, text = before.replace(secret, HIDDEN), text.replace(secret, HIDDEN)
        start = max(len(before) - _AROUND, 0)
        text = text[start : start + limit + 2 * _AROUND]
        for pattern, instead in _LOOKS:
            text = pattern.sub(instead, text)
        return text

    def _learn(self, value: str) -> None:
        if len(value) >= SHORTEST and not value.isdecimal():
            self._known |= {value, quote(value, safe=""), json.dumps(value)[1:-1]}

    def _secrets(self) -> list[str]:
        """Longest first, so that nothing of a secret stays that contains another."""
        if len(self._ordered) != len(self._known):
            self._ordered = sorted(self._known, key=len, reverse=True)
        return self._ordered


def is_hidden(path: Path, value: Any) -> bool:
    """Whether the JSON leaf at `path` is a secret. How many tokens is none."""
    if value is None or isinstance(value, bool) or not any(map(_is_secret_key, path)):
        return False
    last = path[-1]
    return isinstance(value, str) or not (isinstance(last, str) and last.lower().endswith("tokens"))


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in query.split("&")]


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""What of a request may be shown: secrets become `***`, by the names they stand under, by their look, and wherever a
value that was a secret in one place turns up in another.

Rule: rather hide too much, and in little time, whatever a client sends. So texts are cut before they are searched, and
nothing is shown of a request with too many secrets. A text is masked character by character, so that no place in it
moves and what was cut off at an edge is known to lie outside of what is shown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote

from multidict import CIMultiDict

from aigw.core.json_path import JsonPath
from aigw.core.secrets import HIDDEN, MASK, is_hidden, is_secret_key, masked, names_secret

SHORTEST = 8
"""A secret of fewer characters is hidden in its place only: as part of other text it may be any word."""
MAX_LEARNED = 300
"""Texts to look for beside the configuration's own secrets. Of a request that has more, no text is shown."""
MAX_LEAVES = 64
"""Of a larger value the rest is left out."""
_AROUND = 2000
"""Characters on either side of what is shown that are searched with it, so that a secret at its edge is seen."""
_PIECE = 500
"""A longer secret is looked for in pieces, so that `_AROUND` always has room for them."""
_BEFORE = 20
"""Characters that are shown before the place where two texts begin to differ."""


class Redaction:
    """What is hidden in one request. Learn from all of it before anything is shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """`secrets` are the configuration's."""
        self._known = {each for secret in secrets for each in _forms(secret)}
        self._most = len(self._known) + MAX_LEARNED
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
                waiting += [(item, secret or is_secret_key(key)) for key, item in value.items()]
            elif isinstance(value, list):
                waiting += [(item, secret) for item in value]
            elif secret and isinstance(value, str):
                self._learn(value)

    def text(self, text: str, limit: int) -> str:
        return self._shown(text, 0, limit)

    def pair(self, old: str, new: str, limit: int) -> tuple[str, str]:
        """Two texts from shortly before their first difference on, where they are too long to be shown whole."""
        start = 0 if max(len(old), len(new)) <= limit else max(_common(old, new) - _BEFORE, 0)
        return self._shown(old, start, limit), self._shown(new, start, limit)

    def header(self, name: str, value: str, limit: int) -> str:
        return HIDDEN if names_secret(name) else self.text(value, limit)

    def query(self, query: str, limit: int) -> str:
        shown = [
            f"{name}={HIDDEN}" if equals and names_secret(unquote(name)) else name + equals + value
            for name, equals, value in _pairs(query)
        ]
        return self.text("&".join(shown), limit)

    def json(self, path: JsonPath, value: Any, limit: int) -> str:
        """A JSON value, as JSON."""
        return _cut(_written(self._leaves(path, value, [MAX_LEAVES], limit)), limit)

    def _leaves(self, path: JsonPath, value: Any, left: list[int], limit: int) -> Any:
        left[0] -= 1
        if isinstance(value, dict | list) and value and left[0] <= 0:
            return "..."
        if isinstance(value, dict):
            items = list(value.items())[: max(left[0], 1)]
            return {self.text(key, 80): self._leaves((*path, key), item, left, limit) for key, item in items}
        if isinstance(value, list):
            return [self._leaves((*path, n), item, left, limit) for n, item in enumerate(value[: max(left[0], 1)])]
        if is_hidden(path, value):
            return HIDDEN
        return self.text(value, limit) if isinstance(value, str) else value

    def _shown(self, text: str, start: int, limit: int) -> str:
        """`limit` characters from `start` on, without the secrets in them."""
        if len(self._known) > self._most:
            return HIDDEN
        end, begin = start + limit, max(start - _AROUND, 0)
        around = text[begin : end + _AROUND]
        for secret in self._secrets():
            if secret in around:
                around = around.replace(secret, MASK * len(secret))
        shown = re.sub(f"{MASK}+", HIDDEN, masked(around)[start - begin : end - begin])
        shown = shown.encode("utf-8", "replace").decode()  # a header may have bytes that are no text
        return ("..." if start else "") + shown + ("..." if end < len(text) else "")

    def _learn(self, value: str) -> None:
        if len(self._known) <= self._most:
            self._known.update(_forms(value))

    def _secrets(self) -> list[str]:
        """Longest first, so that nothing of a secret stays that contains another."""
        if len(self._ordered) != len(self._known):
            self._ordered = sorted(self._known, key=len, reverse=True)
        return self._ordered


def _forms(secret: str) -> Iterator[str]:
    """What a secret looks like in texts, URLs and JSON, in pieces."""
    if len(secret) < SHORTEST or secret.isdecimal():
        return
    for form in (secret, quote(secret, safe="", errors="replace"), json.dumps(secret)[1:-1]):
        size = math.ceil(len(form) / math.ceil(len(form) / _PIECE))
        yield from (form[start : start + size] for start in range(0, len(form), size))


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

"""Replaces the secrets of a request by `***` before it is shown. A value is a secret because of its name, because of
what it looks like, or because it was a secret in another place of the same request.

Rule: if in doubt, hide it; and take little time, whatever a client sends. So a text is cut before it is searched, and
no text is shown of a request with too many secrets. Secrets are first masked character by character, so that all
positions in a text stay valid while it is searched and cut."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, unquote

from multidict import CIMultiDict

from aigw.core.escapes import without_escaped
from aigw.core.json_path import JsonPath
from aigw.core.large_json import windows
from aigw.core.pace import LARGE
from aigw.core.plain import plain
from aigw.core.secrets import HIDDEN, MASK, is_hidden, is_secret_key, masked, names_secret, without_shapes

SHORTEST = 8
"""A secret with fewer characters is hidden only in its own place. It is not searched for in other texts, because it
may be part of any word."""
LONG = 16
"""A secret of this length cannot be an ordinary word. It is hidden even in an answer that succeeded."""
_ESCAPES = tuple(map(re.compile, (rb"\\u00[2-7]", rb"\\/", rb"%[0-9A-Fa-f]{2}", b"&#")))
_LONGEST_ESCAPE = 6
"""Bytes in which a character of a key is escaped contain one of these. No key has what JSON escapes most in texts:
control characters, and letters such as é."""
MAX_LEARNED = 300
"""How many secret texts of a request are searched for, beside the secrets of the configuration. If a request has more,
none of its texts is shown."""
MAX_LEAVES = 64
"""How many leaves of a JSON value are shown. The others are left out."""
_AROUND = 2000
"""How many characters before and after the part to show are searched too, so that a secret at its edge is found."""
_PIECE = 500
"""A secret with more characters is searched for in pieces, so that each piece fits into `_AROUND`."""
_SECTION = 16 * 1024
"""How many characters of a long text are searched at once. Other threads get a turn in between."""
_BEFORE = 20
"""How many characters are shown before the first difference of two texts."""


def without_secrets(text: str) -> str:
    """Returns the text with `***` in place of everything that looks like a secret."""
    return re.sub(f"{MASK}+", HIDDEN, masked(text))


def shown(text: str) -> str:
    """Returns a text of ours that may quote what others sent: as one line, and without what looks like a secret."""
    return plain(without_secrets(text))


def value_without_secrets(value: Any, path: JsonPath = ()) -> Any:
    """Returns the same for JSON, where secrets are known by their keys, too."""
    if isinstance(value, dict):
        return {without_secrets(key): value_without_secrets(item, (*path[-1:], key)) for key, item in value.items()}
    if isinstance(value, list):
        return [value_without_secrets(item, path) for item in value]
    if is_hidden(path, value):
        return HIDDEN
    return without_secrets(value) if isinstance(value, str) else value


def secrets_in(config: Any, more: Iterable[str] = ()) -> tuple[bytes, ...]:
    """Returns the secrets of a part of the configuration, as bytes that may stand in an answer, longest first."""
    redaction = Redaction(more)
    redaction.learn_json(config)
    return tuple(secret.encode("utf-8", "surrogateescape") for secret in redaction._secrets())


def hidden_in(data: bytes, secrets: Sequence[bytes]) -> bytes:
    """Returns the data with `***` in place of each of these secrets, also where some of its characters are escaped.
    Without one, it is the same object."""
    for secret in secrets:
        if occurs(data, secret):
            data = data.replace(secret, HIDDEN.encode())
    return without_escaped(data, secrets) if secrets and may_escape(data) else data


def may_escape(data: bytes) -> bool:
    """Whether characters of a secret may be escaped here. It is asked of each batch of a stream."""
    if b"\\" not in data and b"%" not in data and b"&" not in data:  # 0.3 µs for 5 KB, the rest takes 5
        return False
    for start, end in windows(len(data), _LONGEST_ESCAPE):
        for mark in _ESCAPES:
            if mark.search(data, start, end):
                return True
    return False


def occurs(data: bytes, secret: bytes) -> bool:
    if len(data) <= LARGE:
        return secret in data
    return any(data.find(secret, start, end) >= 0 for start, end in windows(len(data), len(secret)))


def long_ones(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """Returns the secrets that are long enough to be hidden in any text. A shorter one, such as "placeholder", may be
    an ordinary word."""
    return tuple(secret for secret in secrets if len(secret) >= LONG)


class Redaction:
    """Hides the secrets of one request. First call the `learn_...` methods for all of its parts, then the others."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """`secrets` are the secret values of the configuration."""
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
        # not recursive, because a client may nest values deeply
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

    def long_text(self, text: str, limit: int) -> str:
        """Returns the first `limit` characters of a text of any length, such as a body. Takes up to a second where a
        client wants that, so call it in a thread."""
        if len(self._known) > self._most:
            return HIDDEN
        around = text[: limit + _AROUND]
        for secret in self._secrets():
            around = around.replace(secret, HIDDEN)
        around = without_shapes(around)
        starts = range(0, min(len(around), limit), _SECTION)
        shown = "".join(_masked(around, start, min(start + _SECTION, limit)) for start in starts)
        return re.sub(f"{MASK}+", HIDDEN, shown).encode("utf-8", "replace").decode()

    def pair(self, old: str, new: str, limit: int) -> tuple[str, str]:
        """Returns both texts. If one of them is longer than `limit`, both start shortly before their first
        difference."""
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
        """Returns the value as JSON text. `path` is its path in the body."""
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
        """Returns `limit` characters of the text from `start` on, with `***` in place of secrets."""
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
        """Returns the secrets, longest first. If one secret contains another, the whole of it must be replaced."""
        if len(self._ordered) != len(self._known):
            self._ordered = sorted(self._known, key=len, reverse=True)
        return self._ordered


def _masked(text: str, start: int, end: int) -> str:
    """Returns the part of the text with a MASK for each character of what looks like a secret."""
    begin = max(start - _AROUND, 0)
    return masked(text[begin : end + _AROUND])[start - begin : end - begin]


def _forms(secret: str) -> Iterator[str]:
    """Yields the secret as it is written in texts, URLs and JSON, each in pieces of at most `_PIECE` characters."""
    if len(secret) < SHORTEST or secret.isdecimal():
        return
    for form in dict.fromkeys(_written_forms(secret)):
        size = math.ceil(len(form) / math.ceil(len(form) / _PIECE))
        yield from (form[start : start + size] for start in range(0, len(form), size))


def _written_forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="", errors="replace")
    yield (quoted := json.dumps(secret)[1:-1])
    yield quoted.replace("/", "\\/")  # as PHP writes JSON
    yield escape(secret)
    yield "".join(f"\\u{ord(each):04X}" if each in "&'+" else each for each in quoted)  # as Go and .NET do


def _pairs(query: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in query.split("&")]


def _common(one: str, other: str) -> int:
    """Returns how many characters at their start are the same in both texts."""
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

"""Takes the secrets out of a call before it is written.

Rule: everything that looks like a known maker's key, or a user with a password in a URL, is hidden wherever it stands,
and so is every secret of the configuration or of the call itself. A call in which a secret is left afterwards is not
written at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import unquote

from aigw.core.headers import HOP_BY_HOP, without_credentials
from aigw.core.redaction import SHORTEST, hidden_in
from aigw.core.secrets import HIDDEN, names_secret, shapes_in, without_password, without_shapes
from aigw.dialects.bodies import begins_events
from aigw.higress.re2 import GoRegex
from aigw.traffic.format.call import Begun, Headers, Sent, credentials

_UNSENT = frozenset((
    *HOP_BY_HOP, "host", "content-length", "date", "server", "via", "user-agent", "accept-encoding", "accept-language",
    "traceparent", "tracestate", "baggage", "b3", "alt-svc", "nel", "report-to", "strict-transport-security", "cf-ray",
    "cf-cache-status", "x-envoy-upstream-service-time", "x-envoy-decorator-operation", "sec-fetch-mode",
))  # fmt: skip
_UNSENT_STARTS = ("x-stainless-", "x-aigw-", "x-b3-", "x-datadog-", "access-control-", "sec-", "x-forwarded-", "cf-")
"""Headers of the connection, of the SDK and of tracing: they say nothing of the request or its answer."""


def telling(headers: Headers) -> list[tuple[str, str]]:
    """Returns the headers that may say something of a request or an answer, in lower case and without credentials."""
    return [(name, value) for each, value in headers if _is_kept(name := each.lower())]


@lru_cache(maxsize=2048)
def _is_kept(name: str) -> bool:
    return name not in _UNSENT and not name.startswith(_UNSENT_STARTS) and not names_secret(name)


_STRING = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?')
"""A string in JSON. The second group is there if it is the name of a field."""


class Scrubber:
    """Hides `secrets`, what `patterns` find, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str], patterns: Sequence[GoRegex] = ()) -> None:
        self._patterns = patterns
        usable = {each for each in secrets if len(each) >= SHORTEST and not each.isdecimal()}
        self._secrets = tuple(each.encode("utf-8", "surrogateescape") for each in sorted(usable, key=len, reverse=True))

    def data(self, data: bytes) -> bytes:
        """Returns the bytes without secrets. Without one, it is the same object."""
        data = hidden_in(data, self._secrets)
        text = data.decode("utf-8", "surrogateescape")
        clean = without_shapes(text)
        if self._patterns:
            clean = self._without_found(clean)
        return data if clean == text else clean.encode("utf-8", "surrogateescape")

    def _without_found(self, text: str) -> str:
        """Returns the text without the secrets that patterns find. In JSON and in events the patterns see one value at
        a time, without its escapes, so that they never match the syntax of JSON."""
        if text.lstrip()[:1] in ("{", "[") or begins_events(text[:100].encode("utf-8", "replace")):
            return _STRING.sub(self._string, text)
        return self._replaced(text)

    def _string(self, found: re.Match[str]) -> str:
        if found[2]:
            return found[0]  # the name of a field
        try:
            text = json.loads(found[1])
        except ValueError:
            return found[0]
        clean = self._replaced(text)
        return found[0] if clean == text else json.dumps(clean)

    def _replaced(self, text: str) -> str:
        for pattern in self._patterns:
            if (clean := pattern.replace_all(text, HIDDEN)) is not None:
                text = clean
        return text

    def text(self, text: str) -> str:
        if not text:
            return text
        return self.data(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def found(self, text: str) -> list[str]:
        """Returns the secrets in a text."""
        known = (secret.decode("utf-8", "replace") for secret in self._secrets)
        return [*(secret for secret in known if secret in text), *shapes_in(text)]

    def headers(self, headers: Headers) -> list[tuple[str, str]]:
        """Returns the headers that matter, in lower case and without credentials."""
        told = telling(headers)
        together = "\n".join(value for _, value in told)
        return told if self._value(together) == together else [(name, self._value(value)) for name, value in told]

    def _value(self, value: str) -> str:
        """Returns the value of a header without secrets, also without those that a URL such as `Location` names."""
        return self.text(without_password(value))

    def request(self, sent: Sent) -> Sent:
        """Returns a request without secrets, and only with the headers that matter."""
        path, query, headers = self.text(sent.path), self.query(sent.query), self.headers(sent.headers)
        return Sent(sent.method, path, query, tuple(headers), self.data(sent.body))

    def query(self, query: str) -> str:
        pairs = [pair.partition("=") for pair in without_credentials(query).split("&")]
        return "&".join(
            f"{name}={HIDDEN}" if names_secret(unquote(name)) else self.text(name + equals + value)
            for name, equals, value in pairs
        )


def hiding(begun: Begun, secrets: Iterable[str], patterns: Sequence[GoRegex] = ()) -> Scrubber:
    """Returns what hides these secrets, what the patterns find, and the secrets of a call."""
    known = {*secrets, *credentials(begun.sent), *(credentials(begun.client) if begun.client else ())}
    return Scrubber(known, patterns)

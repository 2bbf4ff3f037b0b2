"""What a request asks for, as a key: two requests have the same key if nothing about them can make the answers differ.

Rule: everything counts but for lists of fields and headers that cannot change an answer; what is not known counts.
JSON is compared by value, so that the order of keys and white space do not count."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from aigw.core.exchange import Exchange
from aigw.core.headers import SESSION_HEADERS
from aigw.core.plugin import Behind
from aigw.dialects import apis

VERSION = b"aigw 2"
"""Of the way in which keys are made."""

CACHED = frozenset(
    (apis.CHAT, apis.COMPLETIONS, apis.EMBEDDINGS, apis.MESSAGES, apis.RESPONSES, apis.GENERATE_CONTENT,
     apis.STREAM_GENERATE_CONTENT)
)  # fmt: skip
"""APIs whose answers are kept."""

PLAIN_HEADERS = ("openai-beta", "openai-organization", "openai-project", "anthropic-beta", "anthropic-version")
"""Headers whose values are kept as they are; of any other that counts there is a digest: it may be a secret."""
IGNORED_HEADERS = frozenset(
    (
        "host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive",
        "te", "trailer", "upgrade", "expect", "date", "via", "forwarded", "priority",
        "accept", "accept-charset", "accept-encoding", "accept-language", "user-agent", "origin", "referer",
        "http-referer", "dnt", "from", "x-requested-with", "x-title", "x-app", "originator",
        "cache-control", "pragma", "x-higress-skip-ai-cache", "x-mse-consumer", "x-hi-original-auth",
        "x-real-ip", "x-client-ip", "true-client-ip", "cdn-loop",
        "traceparent", "tracestate", "baggage", "b3", "sentry-trace", "uber-trace-id", "x-trace-id",
        "x-cloud-trace-context", "request-id", "x-request-id", "x-client-request-id", "x-correlation-id",
        "correlation-id", "idempotency-key", "x-idempotency-key",
        "session-id", "session_id", "x-session-id", "conversation-id", "conversation_id", "x-conversation-id",
        *SESSION_HEADERS,
    )
)  # fmt: skip
_IGNORED_STARTS = (
    "x-aigw-", "x-stainless-", "sec-", "x-forwarded-", "x-envoy-", "x-b3-", "x-datadog-", "x-amzn-", "cf-",
)  # fmt: skip
"""Headers that cannot change an answer. Any other may: it may name a provider to the one that the gateway asks."""


def _now(part: Any) -> Any:
    """What a part is now that changes at run time (`core.plugin.Behind`)."""
    return part()


_encode = msgspec.json.Encoder(order="sorted", enc_hook=_now).encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

KEPT = 4096
"""Bytes of a request that are kept with its answer as they are."""
LONG, SHOWN = 160, 80
"""Of a longer one, texts of more than LONG characters are kept as their first SHOWN and a digest."""
MANY, LAST = 64, 32
"""And of lists of more than MANY elements the LAST, behind a digest of the others."""


class CacheKey(NamedTuple):
    """`body` is canonical JSON without what is ignored, `beside` what counts beside it. `reason`: why it must not be
    answered from the cache, "" if it may; there is no key then. `after` has a digest of what decides about answers
    behind the cache, by plugin."""

    api: str
    key: str = ""
    model: str = ""
    body: bytes = b""
    beside: tuple[str, ...] = ()
    after: Mapping[str, str] = {}
    reason: str = ""


class CacheKeys:
    """Makes the keys of one chain. Headers that are withheld behind the cache do not count."""

    def __init__(self, behind: Behind) -> None:
        identities = behind.identities
        self._unsent = behind.withheld
        self._changing = {name: value for name, value in identities.items() if _changes(value)}
        self._after = _digests({name: value for name, value in identities.items() if name not in self._changing})
        self._start = _begin(self._after)

    def read(self, exchange: Exchange) -> CacheKey:
        request, asked, api = exchange.request, exchange.asked, exchange.api
        if reason := asked.unrepeatable:
            return CacheKey(api, reason=reason)
        beside = [request.path, request.query]
        for name in sorted({name for each in request.headers if (name := _counted(each))} - self._unsent):
            value = ",".join(request.headers.getall(name))
            beside.append(f"{name}: {value if name in PLAIN_HEADERS else digest(value.encode(*_WIRE))}")
        if exchange.target is not None and not exchange.target.authority:
            beside.append(f"host: {request.headers.get('host', '')}")  # it goes on, and may pick the upstream
        if asked.stream and not exchange.dialect.convertible:
            beside.append("stream")
        after, hashed = self._after, self._start.copy()
        if self._changing:
            after = after | _digests(self._changing)
            hashed = _begin(after)
        hashed.update(_encode(beside))
        try:
            canonical = _encode(asked.material())
        except (ValueError, RecursionError):  # it is no JSON, or JSON with half of a surrogate pair
            return CacheKey(api, reason="unreadable")
        hashed.update(canonical)
        return CacheKey(api, hashed.hexdigest(), asked.model, canonical, tuple(beside), after)

    def parts(self, key: CacheKey) -> bytes:
        """What the key was made of, in JSON, so that one entry can be compared with another. The texts of a long
        request are shortened."""
        path, query, *others = key.beside
        short = len(key.body) <= KEPT
        return _encode(
            {
                "path": f"{path}?{query}" if query else path,
                "headers": others,
                "after": key.after,
                "body": msgspec.Raw(key.body) if short else shortened(_decode(key.body)),
            }
        )


def _digests(identities: Mapping[str, Any]) -> dict[str, str]:
    return {name: digest(_encode(value)) for name, value in identities.items()}


def _begin(after: Mapping[str, str]) -> blake2b:
    """What all keys begin with."""
    return blake2b(VERSION + _encode(after), digest_size=16)


def _changes(identity: Any) -> bool:
    """Whether a part of it changes at run time."""
    if isinstance(identity, Mapping):
        return any(map(_changes, identity.values()))
    if isinstance(identity, list | tuple):
        return any(map(_changes, identity))
    return callable(identity)


_WIRE = ("utf-8", "surrogateescape")
"""Headers may have bytes that are no text."""


@lru_cache(maxsize=2048)
def _counted(header: str) -> str:
    """The name in lower case, "" if the header cannot change an answer."""
    name = header.lower()
    return "" if name in IGNORED_HEADERS or name.startswith(_IGNORED_STARTS) else name


def digest(data: bytes) -> str:
    """16 hex digits that tell one value from another without showing it."""
    return blake2b(data, digest_size=8).hexdigest()


def shortened(value: Any) -> Any:
    """A value with its long texts and lists cut. One that is so already stays as it is."""
    if isinstance(value, str) and len(value) > LONG:
        return f"{value[:SHOWN]}… ({len(value)} characters, {digest(value.encode())})"
    if isinstance(value, Mapping):
        return {name: shortened(item) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= MANY:
        return [shortened(item) for item in value]
    first = value[:-LAST]
    return [f"… ({len(first)} elements, {digest(_encode(first))})", *map(shortened, value[-LAST:])]

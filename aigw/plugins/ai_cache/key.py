"""Makes the key of a request for the cache. Two requests have the same key if they must get the same answer.

Rule: the key contains everything of a request, except for the fields and headers in lists of those that cannot change
an answer. So unknown fields and headers are part of it. JSON is compared by value: the order of keys and white space do
not matter."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from aigw.core.exchange import Exchange
from aigw.core.headers import without_credentials
from aigw.core.json_cuts import bytes_of, fields, items
from aigw.core.large_json import SLICE, encoded
from aigw.core.pace import rest
from aigw.core.plugin import Behind

VERSION = b"aigw 4"
"""Change it if keys are made in another way, so that old entries are no longer found."""

PLAIN_HEADERS = ("openai-beta", "openai-organization", "openai-project", "anthropic-beta", "anthropic-version")
"""The key contains the values of these headers. Of any other header it has only a digest, because the value may be a
secret."""
IGNORED_HEADERS = frozenset(
    (
        "host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive",
        "te", "trailer", "upgrade", "expect", "date", "via", "priority", "cdn-loop",
        "accept", "accept-charset", "accept-encoding", "user-agent", "dnt",
        "cache-control", "pragma", "x-higress-skip-ai-cache",
        "traceparent", "tracestate", "b3", "sentry-trace", "uber-trace-id", "x-trace-id", "x-cloud-trace-context",
        "x-amzn-trace-id", "cf-ray", "request-id", "x-request-id", "x-client-request-id", "x-correlation-id",
        "correlation-id", "idempotency-key", "x-idempotency-key", "x-envoy-attempt-count",
        "x-envoy-expected-rq-timeout-ms", "x-claude-code-session-id",
    )
)  # fmt: skip
_IGNORED_STARTS = ("x-aigw-", "x-stainless-", "x-b3-", "x-datadog-", "x-codex-")
_COUNTED = frozenset(("x-codex-beta-features",))
"""Headers that cannot change an answer: those of the connection, the ids of requests and traces, and those in which
Claude Code and Codex name their sessions and turns, but not the features that Codex wants. Any other header that goes
upstream counts: it may say who asks, and an upstream may answer each one differently. So do the sessions of other
agents, whose upstream may keep what was said in each."""
_OF_CODEX = frozenset(("session-id", "session_id", "thread-id", "conversation_id"))
"""Further headers in which Codex names its sessions. Sent by other clients, they may say who asks."""


def _now(part: Any) -> Any:
    """Returns the current value of a part that changes at run time (see `core.plugin.Behind`)."""
    return part()


_encode = msgspec.json.Encoder(order="sorted", enc_hook=_now).encode
_decode = msgspec.json.Decoder().decode

KEPT = 4096
"""A request of at most this many bytes is stored whole with its answer. A larger one is shortened:"""
LONG, SHOWN = 160, 80
"""of a text with more than LONG characters, the first SHOWN and a digest are kept;"""
DEEP = 64
"""The levels of a long request that are kept."""
MANY, LAST = 64, 32
"""of a list with more than MANY elements, the LAST ones and a digest of the others are kept."""


KNOWN, SMALL = 256, 16 * 1024
"""How many keys are remembered, by everything that decides about a key, for requests of at most SMALL bytes. Most
requests that hit a cache came before with the same bytes. This saves a seventh of the processor time of a hit."""


class CacheKey(NamedTuple):
    """The key of a request, and what it is made of. `body` is canonical JSON, without the fields that are ignored.
    `beside` are the path, the query and the headers that are part of the key. `after` has, for each plugin after the
    cache, a digest of its settings. `reason` says why the request must not be answered from the cache; then there is no
    key. It is "" if the cache may be used."""

    api: str
    key: str = ""
    model: str = ""
    body: bytes = b""
    beside: tuple[str, ...] = ()
    after: Mapping[str, str] = {}
    reason: str = ""


class CacheKeys:
    """Makes the keys of one chain. Headers that a later plugin removes are not part of a key."""

    def __init__(self, behind: Behind) -> None:
        identities = behind.identities
        self._unsent = behind.withheld
        self._counted = lru_cache(maxsize=512)(partial(_counted, behind.withheld, _starts(behind.withheld)))
        self._changing = {name: value for name, value in identities.items() if _changes(value)}
        self._after = _digests({name: value for name, value in identities.items() if name not in self._changing})
        self._start = _begin(self._after)
        self._known: dict[Hashable, CacheKey] = {}

    def _query(self, query: str) -> str:
        """The query, with a digest in place of a client's key, or nothing if the key is not sent on."""
        public = without_credentials(query)
        if public == query or "authorization" in self._unsent:
            return public
        return f"{public}&key={digest(query.encode(*_WIRE))}"

    def read(self, exchange: Exchange) -> CacheKey:
        request, headers = exchange.request, self._headers(exchange)
        try:
            request.seal()
        except ValueError:
            return CacheKey(exchange.api, reason="unreadable")
        if self._changing or len(request.body) > SMALL:
            return self._made(exchange, headers)
        sent = (exchange.api, request.path, request.query, *headers, request.body)
        if (key := self._known.get(sent)) is None:
            key = self._known[sent] = self._made(exchange, headers)
            if len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        return key

    def _headers(self, exchange: Exchange) -> list[str]:
        """Returns the headers that are part of the key."""
        given, counted = exchange.request.headers, []
        names = self._counted(tuple(given))  # clients send the same names again
        if names and given.get("originator", "").lower().startswith("codex"):
            names = [name for name in names if name not in _OF_CODEX]
        for name in names:
            value = ",".join(given.getall(name))
            counted.append(f"{name}: {value if name in PLAIN_HEADERS else digest(value.encode(*_WIRE))}")
        if exchange.target is not None and not exchange.target.authority:
            counted.append(f"host: {given.get('host', '')}")  # the upstream gets it, and may choose by it
        return counted

    def _made(self, exchange: Exchange, headers: list[str]) -> CacheKey:
        asked, api = exchange.asked, exchange.api
        if reason := asked.unrepeatable:
            return CacheKey(api, reason=reason)
        path, query = asked.address
        beside = [path, self._query(query), *headers]
        if asked.stream and not exchange.dialect.convertible:
            beside.append("stream")
        after, hashed = self._after, self._start.copy()
        if self._changing:
            after = after | _digests(self._changing)
            hashed = _begin(after)
        hashed.update(_encode(beside))
        try:
            canonical = encoded(asked.material(), _encode)
        except (ValueError, OverflowError, RecursionError):
            # the body is not JSON, or has half of a surrogate pair, or a number that a double cannot hold
            return CacheKey(api, reason="unreadable")
        hashed.update(canonical)
        return CacheKey(api, hashed.hexdigest(), asked.model, canonical, tuple(beside), after)

    def parts(self, key: CacheKey) -> bytes:
        """Returns what the key was made of, as JSON, so that entries can be compared. A long request is shortened."""
        path, query, *others = key.beside
        short = len(key.body) <= KEPT
        return _encode(
            {
                "path": f"{path}?{query}" if query else path,
                "headers": others,
                "after": key.after,
                "body": msgspec.Raw(key.body) if short else shortened_text(key.body),
            }
        )


def _digests(identities: Mapping[str, Any]) -> dict[str, str]:
    return {name: digest(_encode(value)) for name, value in identities.items()}


def _begin(after: Mapping[str, str]) -> blake2b:
    """Returns a hash that has already read the part that all keys of a chain share."""
    return blake2b(VERSION + _encode(after), digest_size=16)


def _changes(identity: Any) -> bool:
    """Whether a part of the identity changes at run time, that is, whether it is a function."""
    if isinstance(identity, Mapping):
        return any(map(_changes, identity.values()))
    if isinstance(identity, list | tuple):
        return any(map(_changes, identity))
    return callable(identity)


_JSON = ("utf-8", "surrogatepass")
"""The encoding of texts from JSON, which may have half of a surrogate pair."""
_WIRE = ("utf-8", "surrogateescape")
"""The encoding of headers, which may contain bytes that are not text."""


def _starts(withheld: frozenset[str]) -> tuple[str, ...]:
    return (*_IGNORED_STARTS, *(name[:-1] for name in withheld if name.endswith("*")))


def _counted(withheld: frozenset[str], starts: tuple[str, ...], headers: tuple[str, ...]) -> list[str]:
    """Returns the names of those headers, in lower case and in order, that go upstream and may change an answer."""
    names = {name.lower() for name in headers}
    return sorted(
        name for name in names - IGNORED_HEADERS - withheld if not name.startswith(starts) or name in _COUNTED
    )


def digest(data: bytes | memoryview, end: bytes = b"") -> str:
    """Returns 16 hex digits that identify a value, in one piece or two, without showing it."""
    hashed = blake2b(data, digest_size=8)
    hashed.update(end)
    return hashed.hexdigest()


def shortened(value: Any, depth: int = DEEP) -> Any:
    """Returns a value in which long texts, long lists and everything nested deeper than `depth` are shortened.
    Shortening it again changes nothing."""
    if depth == 0 and isinstance(value, list | Mapping) and value:
        return "… (nested deeper)"
    if isinstance(value, str) and len(value) > LONG:
        return f"{value[:SHOWN]}… ({len(value)} characters, {digest(value.encode(*_JSON))})"
    if isinstance(value, Mapping):
        return {name: shortened(item, depth - 1) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= MANY:
        return [shortened(item, depth - 1) for item in value]
    first = value[:-LAST]
    return [
        f"… ({len(first)} elements, {digest(_encode(first))})",
        *[shortened(item, depth - 1) for item in value[-LAST:]],
    ]


def shortened_text(text: bytes, depth: int = DEEP, piece: int = SLICE) -> Any:
    """Like `shortened`, for the canonical JSON text of a value. Values of more than `piece` bytes are decoded element
    by element."""
    kind = text[:1]
    if len(text) <= piece or not depth or kind not in b"[{":
        rest()
        return shortened(_decode(text), depth)
    if kind == b"{":
        return {name: shortened_text(bytes_of(each), depth - 1, piece) for name, each in fields(text).items()}
    elements = items(text)
    if len(elements) <= MANY:
        return [shortened_text(bytes_of(each), depth - 1, piece) for each in elements]
    last = elements[-LAST:]
    first = memoryview(text)[: -1 - LAST - sum(map(len, last))]
    return [
        f"… ({len(elements) - LAST} elements, {digest(first, b']')})",
        *[shortened_text(bytes_of(each), depth - 1, piece) for each in last],
    ]

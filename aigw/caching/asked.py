"""What a request asks for, as a key: two requests have the same key if nothing about them can make the answers differ.

Rule: everything counts but for a list of fields that cannot change an answer; what is not known counts. JSON is
compared by value, so that the order of keys and white space do not count."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from aigw.core.exchange import Exchange
from aigw.providers import apis
from aigw.providers.headers import CREDENTIALS

VERSION = b"aigw 1"
"""Of the way in which keys are made."""

CONVERTIBLE = frozenset((apis.CHAT, apis.COMPLETIONS))
"""APIs whose streams and plain answers are made of each other; elsewhere `stream` is a part of the key."""
CACHED = CONVERTIBLE | {apis.EMBEDDINGS, apis.MESSAGES, apis.RESPONSES}

IGNORED = (
    "stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "store",
)  # fmt: skip
"""Fields that cannot change an answer. A request whose `store` is true is not looked up at all."""
HEADERS = ("openai-beta", "openai-organization", "openai-project", "anthropic-beta", "anthropic-version")
"""Headers that can."""

STATEFUL = ("store", "previous_response_id", "conversation", "background")

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

LONG, SHOWN = 160, 80
"""Texts that are longer than LONG characters are kept as their first SHOWN and a digest."""


class Asked(NamedTuple):
    """`body` is without what is ignored, `beside` what counts beside it. `reason`: why it must not be answered from
    the cache, "" if it may; there is no key then. `choices` is how many were asked for."""

    api: str
    key: str = ""
    stream: bool = False
    usage: bool = False
    choices: int = 1
    body: Mapping[str, Any] = {}
    beside: tuple[str, ...] = ()
    reason: str = ""


class Keys:
    """Makes the keys of one chain. `after` is what stands behind the cache there, as in `core.plugin`. Where ai-proxy
    has keys of its own, the client's are not sent on and do not count."""

    def __init__(self, after: Mapping[str, Any]) -> None:
        proxy = after.get("ai-proxy")
        own_key = isinstance(proxy, dict) and proxy.get("ownKey") is True
        self.after = {name: digest(_encode(value)) for name, value in after.items()}
        self._start = blake2b(VERSION + _encode(self.after), digest_size=16)
        self._headers = HEADERS if own_key else (*HEADERS, *CREDENTIALS)

    def read(self, exchange: Exchange, api: str) -> Asked:
        request = exchange.request
        request.seal()
        try:
            body = _decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Asked(api, reason="unreadable")
        if reason := _unsuitable(api, body):
            return Asked(api, reason=reason)
        stream = body.get("stream") is True
        options = body.get("stream_options")
        usage = stream and isinstance(options, dict) and options.get("include_usage") is True
        for name in IGNORED:
            body.pop(name, None)
        beside = [request.path, request.query]
        for name in self._headers:
            if name in request.headers:
                value = ",".join(request.headers.getall(name))
                beside.append(f"{name}: {digest(value.encode()) if name in CREDENTIALS else value}")
        if exchange.target is not None and not exchange.target.authority:
            beside.append(f"host: {request.headers.get('host', '')}")  # it goes on, and may pick the upstream
        if stream and api not in CONVERTIBLE:
            beside.append("stream")
        hashed = self._start.copy()
        hashed.update(_encode(beside))
        try:
            hashed.update(_encode(body))
        except UnicodeEncodeError:
            return Asked(api, reason="unreadable")
        choices = body.get("n") or 1
        return Asked(api, hashed.hexdigest(), stream, usage, choices, body, tuple(beside))

    def parts(self, asked: Asked) -> bytes:
        """What the key was made of, in JSON, so that one entry can be compared with another. Long texts are
        shortened."""
        path, query, *others = asked.beside
        return _encode(
            {
                "path": f"{path}?{query}" if query else path,
                "headers": others,
                "after": self.after,
                "body": _shortened(asked.body),
            }
        )


def digest(data: bytes) -> str:
    """16 hex digits that tell one value from another without showing it."""
    return blake2b(data, digest_size=8).hexdigest()


def _unsuitable(api: str, body: Mapping[str, Any]) -> str:
    """The field because of which a request asks for more than an answer, or for a new one each time."""
    for name in STATEFUL:
        if body.get(name):
            return name
    if api == apis.RESPONSES and body.get("store") is not False:
        return "store"  # responses are stored unless the client says no
    if not isinstance(body.get("stream"), bool | None):
        return "stream"
    choices = body.get("n")
    if choices is not None and choices != 1 and not (isinstance(choices, int) and body.get("temperature") == 0):
        return "n"
    return ""


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONG:
        return f"{value[:SHOWN]}… ({len(value)} characters, {digest(value.encode())})"
    if isinstance(value, Mapping):
        return {name: _shortened(item) for name, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, list) else value

"""One call through the one door, as plain values: the request, for whom it was sent, and the answer. The recorder notes
it, and the builder makes a recording of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

from multidict import CIMultiDict

from aigw.core.headers import CREDENTIAL_PARAMETERS, CREDENTIALS
from aigw.core.model import Request
from aigw.core.redaction import LONG
from aigw.upstream.tape import Outgoing

_PORT = re.compile(r":\d*\Z")
MAX_ANSWER = 128 * 1024 * 1024
"""An answer with more bytes is not recorded, because each is kept in memory until its end."""
Headers = tuple[tuple[str, str], ...]


class Sent(NamedTuple):
    """A complete request as it was sent."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def request(self) -> Request:
        return Request(self.method, self.path, self.query, CIMultiDict(self.headers), self.body)


class Begun(NamedTuple):
    """A call that was sent. `exchange` is the id of the client's request that caused it, "" if there was none, and
    `client` is that request. `dialect` is the name of the dialect of its answer, "" if a plugin made the call for
    itself; `asked` is the dialect of the client's request. `service` is the type of the provider, or the host that was
    called. `at` is in seconds since 1970. `replaces` is the name of the recording that the new one replaces, "" if
    none. `consumer` is the name of the client, as `key-auth` knows it."""

    sent: Sent
    client: Sent | None
    exchange: str
    api: str
    dialect: str
    asked: str
    service: str
    name: str
    origin: str
    model: str
    route: str
    attempt: int
    at: float
    replaces: str = ""
    consumer: str = ""


@dataclass(slots=True)
class Answered:
    """The answer of a call. `pieces` have the seconds since the call was sent; they are missing if the answer's `size`,
    in bytes, is more than MAX_ANSWER. `fault` is the name of an `UpstreamFault`. `whole` is true if the body came to
    its end."""

    status: int = 0
    headers: Headers = ()
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    after: float = 0.0
    fault: str = ""
    message: str = ""
    whole: bool = False
    size: int = 0


def begun(outgoing: Outgoing, at: float, replaces: str = "") -> Begun:
    """Notes a call that is about to be sent."""
    request, target, exchange = outgoing
    sent = _sent(request)
    if exchange is None:
        return Begun(sent, None, "", "", "", "", service(outgoing), "", str(target.origin), "", "", 0, at, replaces)
    own = outgoing.is_answer
    return Begun(
        sent,
        _sent(exchange.original),
        exchange.id,
        exchange.api if own else "",
        exchange.wire.name if own else "",
        exchange.dialect.name,
        service(outgoing),
        exchange.attempts[-1] if own and exchange.attempts else "",
        str(target.origin),
        (exchange.mapped or exchange.named) if own else "",
        exchange.route.name,
        max(len(exchange.attempts) - 1, 0) if own else 0,
        at,
        replaces,
        exchange.consumer,
    )


def service(outgoing: Outgoing) -> str:
    """Returns the type of the provider that is called, or else the host. The host has no port, because a test server
    has another one each time."""
    if outgoing.is_answer and outgoing.exchange is not None and outgoing.exchange.provider:
        return outgoing.exchange.provider
    return _PORT.sub("", outgoing.target.authority.rpartition("@")[2]) or outgoing.target.origin.host


def _sent(request: Request) -> Sent:
    return Sent(request.method, request.path, request.query, as_pairs(request.headers), request.body)


def as_pairs(headers: CIMultiDict[str]) -> Headers:
    """Returns headers as plain text: their names may be of a subclass, which cannot be encoded."""
    return tuple([(str(name), value) for name, value in headers.items()])


def credentials(sent: Sent) -> list[str]:
    """Returns the keys in the headers of a request, without their scheme, and those in its query. A short one there may
    be any word."""
    found = [value.rpartition(" ")[2] for name, value in sent.headers if name.lower() in CREDENTIALS]
    pairs = [pair.partition("=") for pair in sent.query.split("&")] if sent.query else []
    in_query = [unquote_plus(value) for name, _, value in pairs if unquote(name).lower() in CREDENTIAL_PARAMETERS]
    return found + [value for value in in_query if len(value) >= LONG]


def plain(value: Any) -> Any:
    """Returns a copy of a call in which every text can be encoded. A header may have bytes that are no text."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, Answered):
        return replace(value, headers=plain(value.headers), message=plain(value.message))
    if isinstance(value, tuple):
        items = [plain(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value

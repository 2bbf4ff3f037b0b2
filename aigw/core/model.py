"""The values that travel through the gateway: a request, a target, a chunk. Data only, no I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from multidict import CIMultiDict

from aigw.core.document import Document

_decode_any = msgspec.json.Decoder().decode


class Origin(NamedTuple):
    """Where a connection goes; `scheme` chooses the transport. `tls_name` is the name that the certificate must carry,
    "" without TLS; `port` is 0 where the transport has none."""

    scheme: str
    host: str
    port: int
    tls_name: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}" if self.port else f"{self.scheme}://{host}"


class Timeouts(NamedTuple):
    """Seconds, longer than the 600 that SDKs wait. `first_byte` runs from the sent request to the
    response head, `idle` between two reads of a body."""

    connect: float = 10.0
    first_byte: float = 900.0
    idle: float = 630.0


DEFAULT_TIMEOUTS = Timeouts()


class Target(NamedTuple):
    """Where a request is sent: the connection, the Host header, how long to wait, and what else the transport of this
    scheme is told (the built-in models: how they behave). Transports leave alone what they do not know."""

    origin: Origin
    authority: str
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    settings: object = None


class Route(NamedTuple):
    """What a route is by itself: its name, the Higress service that it names ("" if none), and where it goes without a
    provider (None: nowhere)."""

    name: str
    service: str = ""
    target: Target | None = None


@dataclass(slots=True)
class Request:
    """A request as the client sent it or as it goes upstream. `path` and `query` are as on the wire, still escaped.

    The body is `body` (decoded, complete) or, for uploads that are not held in memory, `stream`."""

    method: str
    path: str
    query: str
    headers: CIMultiDict[str]
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    parsed: Document | None = field(default=None, repr=False)
    """The body as a JSON object, once somebody has asked for `document`."""

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def is_json(self) -> bool:
        """True if a plugin may read the body: a complete one whose content type says JSON."""
        return self.stream is None and "json" in self.headers.get("content-type", "").lower()

    @property
    def document(self) -> Document:
        """The body as a JSON object, parsed once. Raises ValueError if it is none."""
        if self.parsed is None:
            self.parsed = Document(self.body)
        return self.parsed

    def parse(self) -> None:
        """Parses a JSON body now, so that copies need not do it again. What cannot be parsed is told to who asks."""
        if self.is_json and self.body:
            try:
                self.parsed = Document(self.body)
            except ValueError:
                return

    def copy(self, headers: CIMultiDict[str] | None = None) -> Request:
        """A request that can be changed without changing this one, with these headers or a copy of its own."""
        document = self.parsed.copy() if self.parsed is not None else None
        headers = CIMultiDict(self.headers) if headers is None else headers
        return Request(self.method, self.path, self.query, headers, self.body, self.stream, document)

    def replace_body(self, body: bytes) -> None:
        self.body = body
        self.parsed = None

    def seal(self) -> None:
        """Writes the edited document back to `body`."""
        if self.parsed is not None:
            self.body = self.parsed.encode()


class Chunk:
    """A piece of a response: its wire bytes and, for an event, its data.

    `raw` is what goes to the client, blank line included. `data` is the payload: an event's joined `data:` lines, a
    whole plain body, or None for what carries no data (comments, bytes of an unknown format)."""

    __slots__ = ("_json", "data", "raw")

    def __init__(self, raw: bytes, data: bytes | None = None) -> None:
        self.raw = raw
        self.data = data
        self._json: Any = None

    def json(self) -> Any:
        """The decoded data, None if there is none or it is not JSON. Decoded once; do not mutate it."""
        if self._json is None and self.data:
            try:
                self._json = _decode_any(self.data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
        return self._json

    def __repr__(self) -> str:
        return f"Chunk({self.raw!r})"


Batch = Sequence[Chunk]
"""Chunks that arrived together and leave together."""


class ReadBatch(list[Chunk]):
    """All chunks of one read, whose bytes are `raw`, so that most of them are looked at and sent on as one. Not to be
    changed."""

    __slots__ = ("raw",)

    def __init__(self, chunks: Iterable[Chunk], raw: bytes) -> None:
        super().__init__(chunks)
        self.raw = raw


def raw_of(batch: Batch) -> bytes:
    """The wire bytes of a batch."""
    if len(batch) == 1:
        return batch[0].raw
    if isinstance(batch, ReadBatch):
        return batch.raw
    return b"".join([chunk.raw for chunk in batch])

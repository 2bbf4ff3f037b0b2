"""The values that travel through the gateway: a request, a target, a chunk. Data only, no I/O."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

import msgspec
from multidict import CIMultiDict

from aigw.core import large_json
from aigw.core.document import Document
from aigw.core.pace import LARGE

_decode_any = msgspec.json.Decoder().decode


class Origin(NamedTuple):
    """Where a connection goes. `scheme` chooses the transport. `tls_name` is the name that the certificate must carry
    ("" without TLS). `port` is 0 if the transport has no ports."""

    scheme: str
    host: str
    port: int
    tls_name: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}" if self.port else f"{self.scheme}://{host}"


class Timeouts(NamedTuple):
    """All times are in seconds. The defaults are longer than the 600 seconds that SDKs wait.

    `connect` limits the time to open a connection, `first_byte` the time from the sent request to the response head,
    and `idle` the time between two reads of a body."""

    connect: float = 10.0
    first_byte: float = 900.0
    idle: float = 630.0


DEFAULT_TIMEOUTS = Timeouts()


class Target(NamedTuple):
    """Where a request is sent. `authority` becomes the Host header. `settings` is for the transport of this scheme (the
    built-in models read from it how they behave); a transport ignores settings that it does not know."""

    origin: Origin
    authority: str
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    settings: object = None


class Route(NamedTuple):
    """A route, apart from its plugins. `service` is the Higress service that it names ("" if none). `target` is where
    requests go if no provider is chosen (None: nowhere). `names_path` is true if the configuration names the path, so
    that a provider may get it though no API has it."""

    name: str
    service: str = ""
    target: Target | None = None
    names_path: bool = False

    @property
    def is_standin(self) -> bool:
        """Whether this process answers in the place of a service."""
        return self.target is not None and self.target.origin.scheme == "standin"


@dataclass(slots=True)
class Request:
    """A request, either as the client sent it or as it goes upstream. `path` and `query` are still escaped. In `safe`,
    `path` is in its plain form (`dialects.paths`).

    The body is in `body` (complete, without content encoding). Of an upload that is not held in memory, `body` has the
    beginning and `upload` the rest; it can be sent only once."""

    method: str
    path: str
    query: str
    headers: CIMultiDict[str]
    body: bytes = b""
    upload: AsyncIterator[bytes] | None = None
    parsed: Document | None = field(default=None, repr=False)
    """The value of `document`, None until `document` is read for the first time."""
    given: str = ""
    """The path without the version that the edge added, "" if it added none. Routes may match it, too."""

    @property
    def target(self) -> str:
        """The path and the query, as they are in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def is_json(self) -> bool:
        """True if plugins may read the body as JSON: the body is complete, and its content type says JSON."""
        return self.upload is None and self.says_json

    @property
    def says_json(self) -> bool:
        kind = self.headers.get("content-type", "").lower()
        return "json" in kind and "json" in kind.partition(";")[0]

    async def pieces(self) -> AsyncIterator[bytes]:
        """The whole body, piece by piece."""
        if self.body:
            yield self.body
        if self.upload is not None:
            async for piece in self.upload:
                yield piece

    @property
    def document(self) -> Document:
        """The body as a JSON object. It is parsed only once. Raises ValueError if the body is not a JSON object."""
        if self.parsed is None:
            self.parsed = Document(self.body)
        return self.parsed

    def parse(self) -> None:
        """Parses a JSON body now, so that copies of this request need not parse it again. Does not raise: `document`
        raises later if the body cannot be parsed."""
        if self.is_json and self.body:
            try:
                self.parsed = Document(self.body)
            except ValueError:
                return

    def copy(self, headers: CIMultiDict[str] | None = None) -> Request:
        """Returns a request that can be changed without changing this one. It gets `headers`, or a copy of this
        request's headers if None."""
        document = self.parsed.copy() if self.parsed is not None else None
        headers = CIMultiDict(self.headers) if headers is None else headers
        return Request(self.method, self.path, self.query, headers, self.body, self.upload, document, self.given)

    def replace_body(self, body: bytes) -> None:
        self.body = body
        self.parsed = None

    def seal(self) -> None:
        """Writes the document, if it was parsed, back to `body`. Call it before `body` is sent."""
        if self.parsed is not None:
            self.body = self.parsed.encode()


UNREAD: Any = object()
"""Stands for the JSON of a chunk that nobody has decoded yet."""


class Chunk:
    """A piece of a response.

    `raw` are the bytes that go to the client; for an event, they include the blank line at its end. `data` is the
    payload: the joined `data:` lines of an event, or a whole plain body. It is None if the piece has no payload (a
    comment, bytes of an unknown format)."""

    __slots__ = ("_json", "data", "raw")

    def __init__(self, raw: bytes, data: bytes | None = None) -> None:
        self.raw = raw
        self.data = data
        self._json: Any = UNREAD

    def json(self) -> Any:
        """Returns the decoded data, or None if there is no data or it is not JSON. Do not mutate the result: all
        callers share it."""
        if self._json is UNREAD:
            data = self.data
            try:
                if data and len(data) > LARGE:
                    self._json = large_json.decoded(data, _decode_any)
                else:
                    self._json = _decode_any(data) if data else None
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._json = _decoded_slowly(self.data or b"")
        return self._json

    @property
    def is_read(self) -> bool:
        """Whether `json` has been called."""
        return self._json is not UNREAD

    def __repr__(self) -> str:
        return f"Chunk({self.raw!r})"


def _decoded_slowly(data: bytes) -> Any:
    """Returns data with what strict JSON does not have, and providers send all the same: NaN, Infinity, half of a
    surrogate pair, bytes that are not UTF-8. None if it is not JSON at all."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


Batch = Sequence[Chunk]
"""Chunks that arrived together. They are also sent together."""


class Burst(Sequence[Chunk]):
    """All chunks of one read from the upstream. `raw` are their joined bytes.

    They are cut (by `split`) from the end up to the first one that somebody looks at, because most are passed on as
    they came. Each is made once, so that all see the same one."""

    __slots__ = ("_at", "_chunks", "_split", "raw")

    def __init__(self, raw: bytes, split: Callable[[bytes], list[Chunk]]) -> None:
        self.raw = raw
        self._split = split
        self._at = len(raw)
        self._chunks: list[Chunk] = []
        """The chunks behind the first `_at` bytes."""

    @classmethod
    def of(cls, bursts: Sequence[Burst]) -> Burst:
        """Returns several bursts as one."""
        whole = cls(b"".join([burst.raw for burst in bursts]), bursts[0]._split)
        whole._at, whole._chunks = 0, [chunk for burst in bursts for chunk in burst]
        return whole

    def behind(self, at: int) -> list[Chunk]:
        """Returns the chunks behind the first `at` bytes, and perhaps some before them. A chunk must end at `at`."""
        if at < self._at:
            self._chunks = [*self._split(self.raw[at : self._at]), *self._chunks]
            self._at = at
        return self._chunks

    def without(self, hidden: Sequence[Chunk]) -> Batch:
        """Returns the batch without some of its chunks."""
        shown = [chunk for chunk in self._chunks if chunk not in hidden]
        rest = Burst(self.raw[: self._at] + b"".join([chunk.raw for chunk in shown]), self._split)
        rest._at, rest._chunks = self._at, shown
        return rest if rest.raw else ()

    def changed(self) -> None:
        """Call it after a change of `raw` of a chunk."""
        self.raw = b"".join([chunk.raw for chunk in self])

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.behind(0))

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self.behind(0))

    def __reversed__(self) -> Iterator[Chunk]:
        known = self._chunks
        yield from reversed(known)
        yield from reversed(self.behind(0)[: len(self) - len(known)])

    def __contains__(self, chunk: object) -> bool:
        return chunk in self._chunks  # one that is not cut yet is nobody's

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> list[Chunk]: ...

    def __getitem__(self, place: int | slice) -> Chunk | list[Chunk]:
        return self.behind(0)[place]


def without(batch: Batch, hidden: Sequence[Chunk]) -> Batch:
    """Returns a batch without some of its chunks."""
    return batch.without(hidden) if type(batch) is Burst else [chunk for chunk in batch if chunk not in hidden]


def raw_of(batch: Batch) -> bytes:
    """Returns the joined bytes of a batch."""
    if type(batch) is Burst:
        return batch.raw
    return batch[0].raw if len(batch) == 1 else b"".join([chunk.raw for chunk in batch])


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns the chunks of several batches as one."""
    bursts = [batch for batch in batches if type(batch) is Burst]
    if bursts and len(bursts) == len(batches):
        return Burst.of(bursts)
    return [chunk for batch in batches for chunk in batch]


def large_of(batch: Batch) -> int:
    """Returns how many bytes a batch has if they may be many, else 0."""
    return len(batch.raw) if type(batch) is Burst and len(batch.raw) > LARGE else 0

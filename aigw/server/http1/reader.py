"""Reads the requests of one connection with llhttp, sans-io.

Rule: what is not clearly HTTP/1.1 or 1.0 is an error, and nothing after it is read. The text of a head is UTF-8 with
surrogate escapes, so that odd bytes pass unchanged."""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from multidict import CIMultiDict

from aigw.server.http1.request import HttpRequest, Peer
from aigw.upstream.head import header_name

MAX_TARGET = 16 * 1024
MAX_HEAD = 128 * 1024
"""How many bytes a head may have, and the framing of a body."""

_FRAMING = (b"content-length", b"transfer-encoding")


class InvalidHttpError(ValueError):
    """The bytes are not a request, or one that is answered with `status` instead of being read. The message does not
    show them. `told` is for the client."""

    def __init__(self, message: str, status: int = 400, told: str = "this is not a valid HTTP request") -> None:
        super().__init__(message)
        self.status = status
        self.told = told


def _large_head() -> InvalidHttpError:
    return InvalidHttpError("the head is too large", 431, f"the headers are larger than {MAX_HEAD >> 10} KiB")


class RequestReader:
    """`begin` gets each request when its head is complete. Bodies are fed as they arrive."""

    def __init__(self, peer: Peer, begin: Callable[[HttpRequest], None]) -> None:
        self._peer = peer
        self._begin = begin
        self._parser = HttpRequestParser(self)
        self._current: HttpRequest | None = None
        self._overhead = 0
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._kept = 0
        self._ended = False
        self._unframed = b""
        self.in_head = False
        """A head has begun to arrive, and is not complete yet."""

    @property
    def current(self) -> HttpRequest | None:
        """The request whose body is still coming."""
        return self._current

    def feed(self, data: bytes) -> int:
        """Returns how many bytes of bodies are kept. Raises InvalidHttpError."""
        self._kept = 0
        self._overhead += len(data)
        try:
            while data and not self._ended:
                data = self._feed(data)
        except HttpParserError as error:
            self._ended = True
            inner = error.__context__
            raise inner if isinstance(inner, InvalidHttpError) else InvalidHttpError(type(error).__name__) from None
        if self._overhead > MAX_HEAD:
            self._ended = True
            raise _large_head()
        return self._kept

    def _feed(self, data: bytes) -> bytes:
        """Returns what comes after the head of a request that would like to switch protocols, as Java's client does;
        it is answered as any other. llhttp does not read its body: another parser does, which gets only the framing."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            if self._parser.get_method() == b"CONNECT":
                self._ended = True  # what comes now is for somebody else
            self._parser = HttpRequestParser(self)
            if self._unframed:
                self._parser.feed_data(b"POST / HTTP/1.1\r\n" + self._unframed + b"\r\n")
            return data[upgrade.args[0] :]
        return b""

    def close(self) -> None:
        """Ends reading. It drops its references, because otherwise thousands of connections with their last requests
        would stay in memory until Python's next garbage collection."""
        self._ended = True
        self._current = None
        del self._parser, self._peer, self._begin

    # The parser calls these.

    def on_message_begin(self) -> None:
        self.in_head = True
        self._target = b""
        self._headers = []

    def on_url(self, data: bytes) -> None:
        self._target += data
        if len(self._target) > MAX_TARGET:
            told = f"the path and query are longer than {MAX_TARGET >> 10} KiB"
            raise InvalidHttpError("the target is too long", 414, told)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        large, self._overhead = self._overhead > MAX_HEAD, 0
        if self._unframed:
            self._unframed = b""
            return
        parser, fields = self._parser, self._headers
        if large and sum(len(name) + len(value) + 4 for name, value in fields) > MAX_HEAD:
            raise _large_head()
        headers = CIMultiDict([(header_name(name), value.decode("utf-8", "surrogateescape")) for name, value in fields])
        if len(headers.getall("host", ())) > 1:
            raise InvalidHttpError("it names two hosts")
        if [each.strip().lower() for each in headers.getall("transfer-encoding", ())] not in ([], ["chunked"]):
            told = "a body may be chunked, and have no other Transfer-Encoding"
            raise InvalidHttpError("its body has an unknown transfer coding", 501, told)
        target = self._target.decode("utf-8", "surrogateescape")
        self._current = HttpRequest(
            self._peer, parser.get_method().decode("latin-1"), target, parser.get_http_version(), headers
        )
        self._current.keeps = _keeps(self._current, parser)
        if parser.should_upgrade() and parser.get_method() != b"CONNECT":
            framing = [b"%b: %b\r\n" % field for field in fields if field[0].lower() in _FRAMING]
            self._unframed = b"".join(framing)
        self._begin(self._current)

    def on_body(self, data: bytes) -> None:
        self._overhead = 0
        if self._current is not None:
            self._kept += self._current.body.feed(data)

    def on_message_complete(self) -> None:
        self._overhead = 0
        if self._current is not None and not self._unframed:
            self._current.body.end()
            self._current = None


def _keeps(request: HttpRequest, parser: HttpRequestParser) -> bool:
    """Whether another request may follow. Where a chunked body of HTTP/1.0 ends is not clear: an old proxy does not
    read chunks."""
    odd = request.method == "CONNECT" or (request.version == "1.0" and "transfer-encoding" in request.headers)
    return parser.should_keep_alive() and not odd

"""Reads the responses of one connection with llhttp, sans-io.

Rules: interim responses and trailers are skipped. Anything that is not clearly HTTP/1.1 is an error. Bytes after a
response spoil the connection, but not the response."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from multidict import CIMultiDict, istr

from aigw.upstream.body import Body, BodySource, Response
from aigw.upstream.head import HEAD_LIMIT, header_name, header_value

_TRANSFER_ENCODING = istr("transfer-encoding")
_CONTENT_LENGTH = istr("content-length")


class ResponseReader:
    """Call `start` for each request, then `feed` until `ended`. `response` is set when its head is complete.

    `begun`: a byte has arrived. `keep`: the connection may serve another request. `until_close`: the body ends when the
    peer closes the connection."""

    __slots__ = (
        "_arrived", "_head", "_headers", "_overhead", "_parser", "_source", "begun", "ended", "keep", "on_body",
        "response", "until_close",
    )  # fmt: skip

    def __init__(self, source: BodySource) -> None:
        self._source = source
        self._arrived: list[bytes] = []
        self.on_body = self._arrived.append  # a method of ours would be a call more for each chunk of each stream
        self._parser = HttpResponseParser(self)
        self.start("")

    def start(self, method: str) -> None:
        self._head = method == "HEAD"
        self._headers: list[tuple[str, str]] = []
        self._overhead = 0
        self.response: Response | None = None
        self.begun = False
        self.ended = False
        self.keep = False
        self.until_close = False

    def feed(self, data: bytes) -> None:
        """Reads more bytes. Raises ValueError that says what is wrong if they are not a response."""
        self.begun = True
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            raise ValueError("it switches protocols") from None
        except HttpParserError as error:
            self.keep = False
            if not self.ended:
                raise ValueError(str(error.__context__ or error)) from None
        finally:
            if self._arrived:
                self._deliver()
        if self._overhead > HEAD_LIMIT and not self.ended:
            raise ValueError("its head is too large")

    def _deliver(self) -> None:
        """Gives the body the bytes that have arrived of it, as one piece."""
        arrived = self._arrived
        data = arrived[0] if len(arrived) == 1 else b"".join(arrived)
        arrived.clear()  # the parser holds this list
        self._overhead = 0
        if self.response is not None and not self._head:
            self.response.body.feed(data)

    # The parser calls these.

    def on_message_begin(self) -> None:
        if self.ended:
            raise ValueError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((header_name(name), value.decode() if value.isascii() else header_value(value)))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers = []
            return
        if self._overhead > HEAD_LIMIT and sum(len(name) + len(value) for name, value in self._headers) > HEAD_LIMIT:
            raise ValueError("its head is too large")
        headers = CIMultiDict(self._headers)
        if _TRANSFER_ENCODING in headers:
            coding = ",".join(headers.getall(_TRANSFER_ENCODING)).lower()
            if coding not in ("chunked", "identity"):
                raise ValueError("it has a transfer coding that was not asked for")
            self.until_close = coding == "identity"
        else:
            self.until_close = _CONTENT_LENGTH not in headers
        self.keep = self._parser.should_keep_alive()
        self.response = Response(status, headers, Body(self._source))
        self._overhead = 0
        if self._head:
            # llhttp cannot be told that no body follows, so this parser cannot be used any more.
            self.ended = True
            self.keep = False

    def on_message_complete(self) -> None:
        self.ended = self.response is not None

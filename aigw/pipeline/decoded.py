"""Decodes the body of a stream before its events are read: AWS's binary event streams, and the content coding of a
stream whose client speaks another dialect. Other coded streams pass as they come."""

from __future__ import annotations

from typing import Protocol

from aigw.core.aside import aside
from aigw.core.coded_body import fed
from aigw.core.content_coding import Decoding, is_known
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.upstream import UpstreamBody, UpstreamResponse
from aigw.dialects.aws_events import EventStreamDecoder
from aigw.dialects.reader import MAX_PLAIN


def unframed(response: UpstreamResponse) -> UpstreamBody:
    """Returns the body of a binary event stream as server-sent events, and says so in the headers."""
    response.headers["content-type"] = "text/event-stream"
    response.headers.popall("content-length", None)
    return DecodedBody(response.body, EventStreamDecoder(), "a message")


def uncoded(exchange: Exchange, response: UpstreamResponse) -> UpstreamBody:
    """Returns the body of a stream without its coding, and removes the header that names it, if its events must be
    written in another dialect. Other bodies are returned as they are."""
    body, headers = response.body, response.headers
    coding = headers.get("content-encoding", "")
    events = "text/event-stream" in headers.get("content-type", "").lower()
    translated = exchange.wire is not exchange.dialect
    if not translated or not coding or not events or response.status != 200 or not is_known(coding):
        return body
    for name in ("content-encoding", "content-length"):
        headers.popall(name, None)
    return DecodedBody(body, Decoding(coding, MAX_PLAIN), "its content coding")


class Decoder(Protocol):
    def feed(self, data: bytes) -> bytes:
        """Returns what `data` completes. Raises ValueError for bytes that cannot be decoded."""
        ...

    @property
    def complete(self) -> bool:
        """Whether nothing is missing if no more bytes come."""
        ...


class DecodedBody:
    """A body that the decoder has decoded. It is complete only where the decoder is; otherwise it was cut off in the
    middle of `unit`."""

    def __init__(self, body: UpstreamBody, decoder: Decoder, unit: str) -> None:
        self._body = body
        self._decoder = decoder
        self._unit = unit

    def __aiter__(self) -> DecodedBody:
        return self

    async def __anext__(self) -> bytes:
        while True:
            try:
                data = await self._decoded(await self._body.__anext__())
            except StopAsyncIteration:
                if self._decoder.complete:
                    raise
                message = f"the provider's answer was cut off in the middle of {self._unit}"
                raise UpstreamError(UpstreamFault.CUT_OFF, message) from None
            except ValueError as error:
                message = f"the provider's answer cannot be decoded: {error}"
                raise UpstreamError(UpstreamFault.PROTOCOL, message) from None
            if data:
                return data

    async def _decoded(self, data: bytes) -> bytes:
        if isinstance(self._decoder, Decoding):
            return await fed(self._decoder, data)
        return await aside(len(data), self._decoder.feed, data)

    async def aclose(self) -> None:
        await self._body.aclose()

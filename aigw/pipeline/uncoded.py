"""Undoes the content coding of a stream whose client speaks another dialect. Other coded streams pass as they come."""

from __future__ import annotations

from aigw.core.content_coding import Decoding, is_known
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.upstream import UpstreamBody, UpstreamResponse
from aigw.dialects.reader import MAX_PLAIN


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
    return UncodedBody(body, Decoding(coding, MAX_PLAIN))


class UncodedBody:
    """A body without its coding. It is complete only where its coding is."""

    def __init__(self, body: UpstreamBody, decoding: Decoding) -> None:
        self._body = body
        self._decoding = decoding

    def __aiter__(self) -> UncodedBody:
        return self

    async def __anext__(self) -> bytes:
        while True:
            try:
                data = self._decoding.feed(await self._body.__anext__())
            except StopAsyncIteration:
                if self._decoding.complete:
                    raise
                message = "the provider's answer was cut off in the middle of its content coding"
                raise UpstreamError(UpstreamFault.CUT_OFF, message) from None
            except ValueError as error:
                message = f"the provider's answer cannot be decoded: {error}"
                raise UpstreamError(UpstreamFault.PROTOCOL, message) from None
            if data:
                return data

    async def aclose(self) -> None:
        await self._body.aclose()

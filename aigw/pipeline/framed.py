"""Makes server-sent events of AWS's binary event streams, which all behind the upstream reads."""

from __future__ import annotations

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.upstream import UpstreamBody, UpstreamResponse
from aigw.dialects.aws_events import EventStreamDecoder


def unframed(response: UpstreamResponse) -> UpstreamBody:
    """Returns the body of a binary event stream as server-sent events, and says so in the headers."""
    response.headers["content-type"] = "text/event-stream"
    response.headers.popall("content-length", None)
    return UnframedBody(response.body)


class UnframedBody:
    """A body that ends in the middle of a message was cut off."""

    def __init__(self, body: UpstreamBody) -> None:
        self._body = body
        self._decoder = EventStreamDecoder()

    def __aiter__(self) -> UnframedBody:
        return self

    async def __anext__(self) -> bytes:
        while True:
            try:
                events = self._decoder.feed(await self._body.__anext__())
            except StopAsyncIteration:
                if not self._decoder.rest:
                    raise
                message = "the provider's answer was cut off in the middle of a message"
                raise UpstreamError(UpstreamFault.CUT_OFF, message) from None
            except ValueError as error:
                message = f"the provider's answer cannot be read: {error}"
                raise UpstreamError(UpstreamFault.PROTOCOL, message) from None
            if events:
                return events

    async def aclose(self) -> None:
        await self._body.aclose()

"""The protocols of a transport, which sends a request and returns the response. HTTP, the built-in models and the
stand-ins implement them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from multidict import CIMultiDict

from aigw.core.model import Request, Target


class UpstreamBody(Protocol):
    """The body of a response, piece by piece as it arrives.

    The caller that got the response must call `aclose`, at any time, also before the first read. `aclose` never blocks.
    If the body was read to its end, the connection is used again, otherwise it is closed."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """Raises StopAsyncIteration if the body is complete, UpstreamError (RESET, IDLE_TIMEOUT, PROTOCOL) if not."""
        ...

    async def aclose(self) -> None: ...


class UpstreamResponse(Protocol):
    """A response whose head has arrived. `headers` are as received, including the hop-by-hop headers. The body is not
    decompressed."""

    status: int
    headers: CIMultiDict[str]

    @property
    def body(self) -> UpstreamBody: ...


class Upstream(Protocol):
    """Sends requests. It sends `Request.headers` unchanged, and adds Host and the headers that frame the body."""

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        """Returns the response once its head has arrived. Raises UpstreamError. If the call is cancelled, the
        connection is closed at once."""
        ...

    async def aclose(self) -> None:
        """Closes every idle connection."""
        ...

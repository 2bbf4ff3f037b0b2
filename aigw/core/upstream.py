"""The transport seam: one verb. Whatever answers requests (HTTP, built-in models, stand-ins) stands behind it, and
what looks at all of them (a recorder) stands around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from multidict import CIMultiDict

from aigw.core.model import Request, Target


class UpstreamBody(Protocol):
    """The body of an answer, piece by piece as it arrives. Owned by whoever got it: `aclose` once is enough, any
    time, also before the first read; it gives the connection back if the body was read to its end and drops it
    otherwise. Never blocks."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes:
        """Raises StopAsyncIteration at the proper end, UpstreamError (RESET, IDLE_TIMEOUT, PROTOCOL) at any other."""
        ...

    async def aclose(self) -> None: ...


class UpstreamResponse(Protocol):
    """An answer whose head has arrived. `headers` are as received, hop-by-hop ones included; the body is not
    decompressed."""

    status: int
    headers: CIMultiDict[str]

    @property
    def body(self) -> UpstreamBody: ...


class Upstream(Protocol):
    """Sends one request. `Request.headers` go out as they are, beside Host and the framing, which the transport
    writes."""

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        """Raises UpstreamError. Being cancelled closes the connection at once."""
        ...

    async def aclose(self) -> None:
        """Closes every idle connection."""
        ...

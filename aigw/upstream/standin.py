"""Stand-ins for HTTP services that plugins call: the transport of the scheme `standin`.

A stand-in is a function from a request to an answer. It gets the request that the service would get. The host of the
origin is the name of the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Request, Target
from aigw.upstream.local import LocalBody, LocalResponse, whole


class StandinAnswer(NamedTuple):
    """The answer of a stand-in. `body` is complete or comes piece by piece."""

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncGenerator[bytes, None]


Standin = Callable[[Request], Awaitable[StandinAnswer]]


class StandinUpstream:
    """An `Upstream`. `standins` are by the name of the service."""

    def __init__(self, standins: Mapping[str, Standin]) -> None:
        self._standins = standins

    async def send(self, request: Request, target: Target) -> LocalResponse:
        standin = self._standins.get(target.origin.host)
        if standin is None:
            there_are = ", ".join(sorted(self._standins)) or "none"
            message = f"{target.origin}: there is no such stand-in, only {there_are}"
            raise UpstreamError(UpstreamFault.CONNECT, message)
        seconds = target.timeouts.first_byte
        try:
            async with asyncio.timeout(seconds):
                status, headers, body = await standin(request)
        except TimeoutError:
            message = f"{target.origin}: no answer in {seconds:g} s"
            raise UpstreamError(UpstreamFault.FIRST_BYTE_TIMEOUT, message) from None
        return LocalResponse(status, CIMultiDict(headers), whole(body) if isinstance(body, bytes) else LocalBody(body))

    async def aclose(self) -> None:
        """There is nothing to close."""

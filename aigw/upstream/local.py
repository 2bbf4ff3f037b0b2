"""Responses that are made in this process, for the transports without a network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError
from aigw.core.upstream import UpstreamBody
from aigw.upstream.body import Body


class LocalBody:
    """An `UpstreamBody` that a generator makes."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise StopAsyncIteration
        return await self._pieces.__anext__()

    async def aclose(self) -> None:
        self._closed = True
        with suppress(RuntimeError):  # a read is under way; it ends with its task
            await self._pieces.aclose()


@dataclass(slots=True)
class LocalResponse:
    """An `UpstreamResponse`."""

    status: int
    headers: CIMultiDict[str]
    body: UpstreamBody


def whole(data: bytes, error: UpstreamError | None = None) -> Body:
    """A body that is there already. With `error`, it breaks off behind these bytes."""
    body = Body()
    if data:
        body.feed(data)
    body.end(error)
    return body

"""Responses that are made in this process, for the transports without a network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from multidict import CIMultiDict

from aigw.core.upstream import UpstreamBody


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


def whole(body: bytes) -> LocalBody:
    """A body of one piece."""
    return LocalBody(_once(body))


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body

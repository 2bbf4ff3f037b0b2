"""Shows an answer to the watchers of its exchange while it arrives from the upstream, also if ai-proxy waits for the
whole of it before the client gets any.

Rule: an answer that nobody watches has no such layer. One that has come to its end is not looked at any more. One that
ends before is read as far as it came, so that it is not free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aigw.core.answer import Reader
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.layers import ChunkSource
from aigw.core.model import Batch


class Watched:
    """A layer around the source of an answer. `probe` reads a plain answer that nobody else reads before its end, and
    `size` is how many bytes that answer has, 0 if it is not known."""

    __slots__ = ("_exchange", "_probe", "_size", "_source")

    def __init__(self, source: ChunkSource, exchange: Exchange, probe: Reader | None, size: int = 0) -> None:
        self._source = source
        self._exchange = exchange
        self._probe = probe
        self._size = size

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        try:
            batch = await self._source.__anext__()
            await self._look(batch)
        except (GatewayError, UpstreamError, asyncio.CancelledError):
            self._break_off()
            raise
        return batch

    async def _look(self, batch: Batch) -> None:
        exchange, answer = self._exchange, self._probe
        if answer is None:
            answer = exchange.answer
        else:
            answer.feed(batch)
            if answer.size == self._size:  # a look at a short answer would cost more than counting it at its end
                return
        if answer is not None and not exchange.wire.is_last(batch):
            for watcher in exchange.watchers:
                if answer.size >= watcher.at:
                    await watcher.look(answer)

    def _break_off(self) -> None:
        probe, answer = self._probe, self._exchange.answer
        if probe is not None and answer is not None:
            probe.secrets = answer.secrets
            probe.cut()
            self._exchange.answer, self._probe = probe, None

    async def aclose(self) -> None:
        await self._source.aclose()

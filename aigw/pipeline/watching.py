"""Shows an answer to the watchers of its exchange while it arrives from the upstream, also if ai-proxy waits for the
whole of it before the client gets any.

Rule: an answer that nobody watches has no such layer. One that has come to its end is not looked at any more. One that
ends before is read as far as it came, so that it is not free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aigw.core.answer import Reader
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.layers import ChunkSource
from aigw.core.model import Batch, raw_of


class Watched:
    """A layer around the source of an answer. `probe` makes a reader for a plain answer that nobody else reads before
    its end, and `size` is how many bytes that answer has, 0 if it is not known."""

    __slots__ = ("_exchange", "_fed", "_held", "_probe", "_seen", "_size", "_source")

    def __init__(
        self, source: ChunkSource, exchange: Exchange, probe: Callable[[], Reader] | None, size: int = 0
    ) -> None:
        self._source = source
        self._exchange = exchange
        self._probe = probe
        self._fed: Reader | None = None
        self._held: list[Batch] = []
        """The batches that the probe has not read yet. It never reads an answer that comes in one piece."""
        self._seen = 0
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
        exchange, answer = self._exchange, self._exchange.answer
        if self._probe is not None:
            self._held.append(batch)
            self._seen += len(raw_of(batch))
            if self._seen == self._size:  # a look at a short answer would cost more than counting it at its end
                return
            answer = self._read(self._probe)
        if answer is not None and not exchange.wire.is_last(batch):
            for watcher in exchange.watchers:
                if answer.size >= watcher.at:
                    await watcher.look(answer)

    def _read(self, probe: Callable[[], Reader]) -> Reader:
        """The probe, which has read all that has come."""
        if self._fed is None:
            self._fed = probe()
        for batch in self._held:
            self._fed.feed(batch)
        self._held.clear()
        return self._fed

    def _break_off(self) -> None:
        answer = self._exchange.answer
        if self._probe is not None and answer is not None:
            probe = self._read(self._probe)
            probe.secrets = answer.secrets
            probe.cut()
            self._exchange.answer, self._probe = probe, None

    async def aclose(self) -> None:
        await self._source.aclose()

"""Whether a client that left had got the end of its answer before.

Rule: a stream whose last event was delivered is complete, whatever the client and the provider do afterwards."""

from __future__ import annotations

import asyncio

from aigw.core.errors import UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Batch
from aigw.core.reply import Reply


async def had_all(exchange: Exchange, reply: Reply, unsent: Batch, error: Exception) -> bool:
    """Whether a client had got the last event before `unsent` could not be written because of `error`. If so, reads
    what has arrived of the rest, so that all layers learn that the answer is complete."""
    dialect, answer = exchange.dialect, exchange.answer
    if not isinstance(error, ConnectionError) or answer is None or not (dialect.marks_end and answer.complete):
        return False
    if dialect.is_last(unsent):
        return False
    try:
        async with asyncio.timeout(0):
            async for _ in reply:
                pass
    except (TimeoutError, UpstreamError):
        return False
    return True

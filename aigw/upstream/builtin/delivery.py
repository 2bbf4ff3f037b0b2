"""Decides when each token of an answer leaves, and what goes wrong on the way.

Rule: a delay beyond the timeouts of the target ends as in a transport, with the same error after the same time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from math import inf

from aigw.core.env import Clock
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Timeouts
from aigw.upstream.builtin.settings import Fault, MockSettings

Sleep = Callable[[float], Awaitable[None]]


class Delivery:
    """The timeline of one answer of `tokens` tokens. It starts now."""

    def __init__(
        self, settings: MockSettings, fault: Fault | None, tokens: int, timeouts: Timeouts, clock: Clock, sleep: Sleep
    ) -> None:
        self.tokens = tokens
        self._first = settings.first_token_delay / 1000
        self._gap = 1 / settings.tokens_per_second if settings.tokens_per_second else 0.0
        self._kind = fault.kind if fault else ""
        self._strikes_at = min(fault.after_tokens, tokens) if fault else -1
        self._timeouts = timeouts
        self._clock = clock
        self._sleep = sleep
        self._start = clock.monotonic()

    async def head(self, *, whole: bool) -> None:
        """Waits until the head may leave: with the first token, or with the last if `whole`. Raises UpstreamError."""
        limit, late = self._timeouts.first_byte, UpstreamFault.FIRST_BYTE_TIMEOUT
        if self._strikes_at == 0:
            await self._strike(limit, late)
        await self._wait(self._gap * self.tokens if whole else 0.0, limit, late)

    async def token(self, index: int) -> None:
        """Waits until token `index` may leave. The first is 0; the end of the answer counts as one more. Raises
        UpstreamError."""
        limit, late = self._timeouts.idle, UpstreamFault.IDLE_TIMEOUT
        if index and index == self._strikes_at:
            await self._strike(limit, late)
        await self._wait(self._gap * index, limit, late)

    def event(self, index: int, event: bytes) -> bytes:
        """The event of token `index`. Its data are cut in half if that is the fault."""
        if self._kind == "malformed" and index == self._strikes_at:
            return event[: len(event) // 2] + b"\n\n"
        return event

    async def plain(self, body: bytes) -> AsyncGenerator[bytes, None]:
        """A complete body, or the half of it that gets through."""
        if not self._kind:
            yield body
            return
        yield body[: len(body) // 2]
        await self._strike(self._timeouts.idle, UpstreamFault.IDLE_TIMEOUT)

    async def _strike(self, limit: float, late: UpstreamFault) -> None:
        if self._kind == "disconnect":
            raise UpstreamError(UpstreamFault.RESET, "the built-in model reset the connection, as it is told to")
        if self._kind == "stall":
            await self._pause(inf, limit, late)

    async def _wait(self, after_first: float, limit: float, late: UpstreamFault) -> None:
        if self._first or self._gap:
            await self._pause(self._start + self._first + after_first - self._clock.monotonic(), limit, late)

    async def _pause(self, seconds: float, limit: float, late: UpstreamFault) -> None:
        if seconds > limit:
            await self._sleep(limit)
            raise UpstreamError(late, f"the built-in model sent nothing for {limit:g} s")
        if seconds > 0:
            await self._sleep(seconds)

"""Records what passes the one door, and answers from recordings: a transport around all others.

Rule: what is recorded is what arrived, when it arrived, and how it ended. The client waits for nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from multidict import CIMultiDict

from aigw.core.env import Clock
from aigw.core.errors import UpstreamError
from aigw.core.exchange import Exchange, current
from aigw.core.model import Request, Target
from aigw.core.upstream import Upstream, UpstreamBody, UpstreamResponse
from aigw.dialects.form import hold
from aigw.upstream.local import LocalResponse, whole


class Outgoing(NamedTuple):
    """A request on its way through the one door. `exchange` is the client's request that caused it, None if there is
    none. The body is complete."""

    request: Request
    target: Target
    exchange: Exchange | None

    @property
    def is_answer(self) -> bool:
        """Whether its answer is what the client gets, so that it has the dialect of the exchange. Other calls are made
        by plugins for themselves."""
        return self.exchange is not None and self.exchange.request is self.request


class Played(NamedTuple):
    """A recorded answer. `pieces` are its bytes, each with the milliseconds after which it came. `error` is how the
    answer broke off after `after` milliseconds, None if it did not. Status 0: there was no answer, only the error."""

    status: int
    headers: CIMultiDict[str]
    pieces: Sequence[tuple[float, bytes]]
    after: float = 0.0
    error: UpstreamError | None = None


class Player(Protocol):
    """Finds recorded answers."""

    async def find(self, outgoing: Outgoing) -> Played | None:
        """Returns None if the request may go upstream. Raises GatewayError if there is no recording of it."""
        ...


class Take(Protocol):
    """One call that is being recorded. No method blocks or raises."""

    def head(self, status: int, headers: CIMultiDict[str]) -> None: ...

    def piece(self, data: bytes) -> None: ...

    def end(self, error: UpstreamError | None, *, whole: bool) -> None:
        """`whole` is true if the body came to its end. Only the first call of this method counts."""
        ...


class Recorder(Protocol):
    """Records calls."""

    def begin(self, outgoing: Outgoing) -> Take | None:
        """Begins to record a call. Returns None if it is not recorded. Raises GatewayError if traffic must stop because
        recording has failed."""
        ...


class Tape:
    """An `Upstream` around another one. `speed` is how many times as fast as they were recorded answers are played, 0
    for at once."""

    def __init__(
        self,
        upstream: Upstream,
        player: Player | None,
        recorder: Recorder | None,
        clock: Clock,
        *,
        speed: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._upstream = upstream
        self._player = player
        self._recorder = recorder
        self._pace = Pace(clock, sleep, speed)

    async def send(self, request: Request, target: Target) -> UpstreamResponse:
        if request.upload is not None:
            await hold(request)
        outgoing = Outgoing(request, target, current.get()())
        if self._player is not None and (played := await self._player.find(outgoing)) is not None:
            return await self._pace.play(played)
        take = self._recorder.begin(outgoing) if self._recorder is not None else None
        if take is None:
            return await self._upstream.send(request, target)
        try:
            response = await self._upstream.send(request, target)
        except BaseException as error:
            take.end(error if isinstance(error, UpstreamError) else None, whole=False)
            raise
        take.head(response.status, response.headers)
        return LocalResponse(response.status, response.headers, TakenBody(response.body, take))

    async def aclose(self) -> None:
        await self._upstream.aclose()


class TakenBody:
    """A body that is recorded while it is read."""

    def __init__(self, body: UpstreamBody, take: Take) -> None:
        self._body = body
        self._take = take

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            data = await self._body.__anext__()
        except StopAsyncIteration:
            self._take.end(None, whole=True)
            raise
        except UpstreamError as error:
            self._take.end(error, whole=False)
            raise
        self._take.piece(data)
        return data

    async def aclose(self) -> None:
        self._take.end(None, whole=False)
        await self._body.aclose()


class Pace:
    """Plays answers at some speed."""

    def __init__(self, clock: Clock, sleep: Callable[[float], Awaitable[None]], speed: float) -> None:
        self._clock = clock
        self._sleep = sleep
        self._speed = speed

    async def play(self, played: Played) -> LocalResponse:
        """Returns the response when its first piece is due. Raises the error of a call that had no answer."""
        began = self._clock.monotonic()
        if not played.status:
            assert played.error is not None
            await self.wait(began, played.after)
            raise played.error
        if not self._speed:
            body = whole(b"".join([data for _, data in played.pieces]), played.error)
            return LocalResponse(played.status, CIMultiDict(played.headers), body)
        await self.wait(began, played.pieces[0][0] if played.pieces else played.after)
        return LocalResponse(played.status, CIMultiDict(played.headers), PlayedBody(played, self, began))

    async def wait(self, began: float, after: float) -> None:
        """Waits until `after` recorded milliseconds have passed since `began`."""
        if self._speed and (left := began + after / 1000 / self._speed - self._clock.monotonic()) > 0:
            await self._sleep(left)

    def batches(self, pieces: Sequence[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
        """Returns the pieces that are due together as one."""
        batches: list[tuple[float, bytes]] = []
        for at, data in pieces:
            if batches and batches[-1][0] == at:
                batches[-1] = (at, batches[-1][1] + data)
            else:
                batches.append((at, data))
        return batches


class PlayedBody:
    """The body of a recorded answer, at some speed."""

    def __init__(self, played: Played, pace: Pace, began: float) -> None:
        self._left = pace.batches(played.pieces)[::-1]
        self._played = played
        self._pace = pace
        self._began = began

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._left:
            at, data = self._left.pop()
            await self._pace.wait(self._began, at)
            return data
        await self._pace.wait(self._began, self._played.after)
        if self._played.error is not None:
            raise self._played.error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._left = []

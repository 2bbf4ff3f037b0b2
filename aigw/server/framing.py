"""Cuts the bytes of answers into other writes than the gateway would, so that the reader of a client can be tested:
`aigw serve --replay DIR --framing crlf,bytes`.

Rule: a client that reads bytes as it should notices nothing. Only `crlf` changes bytes, only `cut` leaves some out, and
only `stall` waits. A mutator does no I/O; it sees the events of a stream, or the pieces of a plain body."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from math import inf
from typing import NamedTuple, Protocol

from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.model import Batch, Chunk
from aigw.core.reply import Reply

LONGEST = 1e9
"""The longest pause, in seconds: timers know no infinity."""

_INSIDE_CHARACTER = re.compile(rb"(?=[\x80-\xbf])")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_STALL = re.compile(r"stall@(\d{1,9})(?::(\d{1,9}(?:\.\d{1,9})?))?")


class Pause(NamedTuple):
    """A pause in writing, in seconds; `inf` lasts until the client leaves."""

    seconds: float


Write = bytes | Pause


class Mutator(Protocol):
    """Makes writes of the pieces of one answer."""

    def feed(self, piece: bytes) -> Sequence[Write]: ...

    def end(self) -> Sequence[Write]:
        """Returns the writes that are left when the answer has ended."""
        ...


class OneByte:
    """Writes each byte separately."""

    def feed(self, piece: bytes) -> Sequence[Write]:
        return [piece[at : at + 1] for at in range(len(piece))]

    def end(self) -> Sequence[Write]:
        return ()


class SplitCharacters:
    """A character of several bytes is in as many writes."""

    def feed(self, piece: bytes) -> Sequence[Write]:
        return [part for part in _INSIDE_CHARACTER.split(piece) if part]

    def end(self) -> Sequence[Write]:
        return ()


class Coalesced:
    """Writes the whole answer at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, piece: bytes) -> Sequence[Write]:
        self._pieces.append(piece)
        return ()

    def end(self) -> Sequence[Write]:
        return [b"".join(self._pieces)] if self._pieces else ()


class CrLf:
    """The lines of events end with CR and LF."""

    def __init__(self) -> None:
        self._after_cr = False

    def feed(self, piece: bytes) -> Sequence[Write]:
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]  # it belongs to the CR before, which has become a whole line end
        self._after_cr = piece.endswith(b"\r")
        return [_LINE_END.sub(b"\r\n", piece)] if piece else ()

    def end(self) -> Sequence[Write]:
        return ()


class Stall:
    """Pauses before event `number` (from 1), or before the end of a stream with fewer events, for a number of
    seconds."""

    def __init__(self, number: int, seconds: float) -> None:
        self._left = number
        self._pause = Pause(seconds)

    def feed(self, piece: bytes) -> Sequence[Write]:
        self._left -= 1
        return [self._pause, piece] if self._left == 0 else [piece]

    def end(self) -> Sequence[Write]:
        return [self._pause] if self._left > 0 else ()


class WithoutLast:
    """The stream ends properly, but without its last event."""

    def __init__(self) -> None:
        self._held: list[Write] = []

    def feed(self, piece: bytes) -> Sequence[Write]:
        if self._held and (piece.startswith(b":") or not piece.strip()):
            self._held.append(piece)  # a comment is no event
            return ()
        ready, self._held = self._held, [piece]
        return ready

    def end(self) -> Sequence[Write]:
        return ()


_ANY: dict[str, Callable[[], Mutator]] = {"bytes": OneByte, "utf8": SplitCharacters, "coalesced": Coalesced}
_OF_EVENTS: dict[str, Callable[[], Mutator]] = {"crlf": CrLf, "cut": WithoutLast}
KINDS = "bytes, utf8, coalesced, crlf, cut, stall@N, stall@N:SECONDS"


class Framing:
    """How the answers of a gateway are written. `names` are of KINDS, with commas between them; the first one sees the
    answer first. Raises ValueError if it has another one."""

    def __init__(self, names: str, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._kinds = [_kind(name.strip()) for name in names.split(",")]

    def around(self, reply: Reply) -> Reply:
        """Returns the reply with its body in other writes."""
        if not (mutators := self.mutators(streaming=reply.streaming)):
            return reply
        reply.single = False  # it is written piece by piece
        return reply.through(partial(self._rewritten, mutators))

    def mutators(self, *, streaming: bool) -> Sequence[Mutator]:
        """Returns new mutators for an answer."""
        return [make() for make, only_events in self._kinds if streaming or not only_events]

    async def _rewritten(self, mutators: Sequence[Mutator], batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """Makes a batch of each write. The loop runs in between, because it sends together what is written at once."""
        end: Exception | None = None
        while end is None:
            try:
                writes = fed(mutators, [chunk.raw for chunk in await anext(batches)])
            except (StopAsyncIteration, GatewayError, UpstreamError) as error:
                writes, end = ended(mutators), error
            for write in writes:
                if isinstance(write, Pause):
                    await self._sleep(min(write.seconds, LONGEST))
                elif write:
                    yield (Chunk(write),)
                    await self._sleep(0)
        if not isinstance(end, StopAsyncIteration):
            raise end


def fed(mutators: Sequence[Mutator], pieces: Iterable[Write]) -> Iterable[Write]:
    """Returns what comes out behind the last mutator."""
    for mutator in mutators:
        pieces = [
            write for piece in pieces for write in ((piece,) if isinstance(piece, Pause) else mutator.feed(piece))
        ]
    return pieces


def ended(mutators: Sequence[Mutator]) -> Iterable[Write]:
    """Returns what comes out at the end: what a mutator has left passes those behind it."""
    writes: list[Write] = []
    for mutator in mutators:
        writes = [*fed([mutator], writes), *mutator.end()]
    return writes


def _kind(name: str) -> tuple[Callable[[], Mutator], bool]:
    """Returns what makes a mutator, and whether it is for streams only."""
    if name in _ANY:
        return _ANY[name], False
    if name in _OF_EVENTS:
        return _OF_EVENTS[name], True
    found = _STALL.fullmatch(name)
    if found is None or not int(found[1]):
        raise ValueError(f"there is no framing {name!r}; there are {KINDS}")
    return partial(Stall, int(found[1]), float(found[2]) if found[2] else inf), True

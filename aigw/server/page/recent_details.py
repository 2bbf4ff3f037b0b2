"""The details of the last requests, in memory.

Rule: never more than MOST requests and MOST_BYTES together, whatever clients send. What requests under way have written
down of their answers counts, too. The oldest go first."""

from __future__ import annotations

from multidict import CIMultiDict

from aigw.core.dialect import Dialect
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.model import Batch, raw_of
from aigw.trace.tracer import ReplyState, RequestTrace, Visit

MOST = 500
MOST_BYTES = 64 * 1024 * 1024
MOST_OF_A_BODY = 256 * 1024
"""How many bytes of an answer are kept."""
_OBJECT = 64
"""About how many bytes each object takes beside its text."""
_OVERHEAD = 4096
"""About how many bytes all objects of one request and its visits take."""


class RecentDetails:
    """Keeps the details. `bytes` is about how much memory they take."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._details: dict[str, Detail] = {}
        self._ended = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._details)

    def get(self, id_: str) -> Detail | None:
        return self._details.get(id_)

    def take(self, size: int) -> bool:
        """Reserves `size` bytes for a request under way. Returns False if there is no room, even without all older
        requests."""
        if self.bytes - self._ended + size > self._most_bytes:
            return False
        while self.bytes + size > self._most_bytes:
            self._drop_oldest()
        self.bytes += size
        return True

    def give(self, size: int) -> None:
        """Gives back what `take` took."""
        self.bytes -= size

    def add(self, detail: Detail) -> None:
        """Keeps a request that has ended. The bytes that `take` reserved for its answer become part of it."""
        if not self.take(detail.own_size):
            self.give(detail.answer.size)
            return
        self._details[detail.id] = detail
        self._ended += detail.size
        if len(self._details) > self._most:
            self._drop_oldest()

    def clear(self) -> None:
        while self._details:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._details.pop(next(iter(self._details)))
        self._ended -= oldest.size
        self.give(oldest.size)


class KeptAnswer:
    """The answer as the client gets it. `size` is how many bytes its pieces take. `error` is the error that the gateway
    answered instead. `left_out` counts the bytes that are not kept."""

    __slots__ = ("_bytes", "_kept", "error", "headers", "left_out", "pieces", "size", "status", "streaming")

    def __init__(self, kept: RecentDetails) -> None:
        self._kept = kept
        self._bytes = 0
        self.pieces: list[bytes] = []
        self.size = 0
        self.left_out = 0
        self.status = 0
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.streaming = False
        self.error: GatewayError | UpstreamError | None = None

    def begin(self, status: int, headers: CIMultiDict[str], *, streaming: bool) -> None:
        self.status, self.headers, self.streaming = status, CIMultiDict(headers), streaming

    def look(self, batch: Batch) -> None:
        """Sees the pieces as they go to the client."""
        piece = raw_of(batch)
        room = MOST_OF_A_BODY - self._bytes
        if room <= 0 or self.left_out:
            self.left_out += len(piece)
            return
        part = piece[:room] if len(piece) > room else piece
        size = len(part) + _OBJECT
        if not self._kept.take(size):
            self.left_out += len(piece)
            return
        self.size += size
        self._bytes += len(part)
        self.left_out += len(piece) - len(part)
        self.pieces.append(part)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


class Detail:
    """A request that has ended. `trace` is one that is `settled`. `own_size` is what all but the answer's pieces
    take."""

    __slots__ = ("answer", "api", "dialect", "id", "own_size", "trace")

    def __init__(self, trace: RequestTrace, answer: KeptAnswer, dialect: Dialect, api: str) -> None:
        self.id = trace.exchange.id
        self.trace = trace
        self.answer = answer
        self.dialect = dialect
        self.api = api
        self.own_size = _OVERHEAD + trace.size + _size_of_headers(trace, answer)

    @property
    def size(self) -> int:
        return self.own_size + self.answer.size

    @property
    def plugins(self) -> list[str]:
        """The plugins that changed something or answered by themselves, each once."""
        visits = self.trace.visits
        return list(dict.fromkeys(visit.applied.name for visit in visits if visit.applied and _acted(visit)))


def _size_of_headers(trace: RequestTrace, answer: KeptAnswer) -> int:
    visits = trace.visits
    requests = [trace.first, *(visit.passed for visit in visits if visit.passed is not None)]
    answers = [state.headers for visit in visits for state in (visit.got, visit.gave) if state is not None]
    several = {id(each): each for each in (answer.headers, *(each.headers for each in requests), *answers)}
    return sum(len(name) + len(value) + 2 * _OBJECT for each in several.values() for name, value in each.items())


def _acted(visit: Visit) -> bool:
    if visit.error or visit.passed is None:
        return True
    old, new = visit.entered, visit.passed
    if (old.method, old.path, old.query, old.body) != (new.method, new.path, new.query, new.body):
        return True
    got, gave = visit.got, visit.gave
    if old.headers != new.headers or got is None or gave is None:
        return old.headers != new.headers
    return _looks(got) != _looks(gave)


def _looks(state: ReplyState) -> tuple[int, int, int]:
    return state.reply, state.rewriters, state.status

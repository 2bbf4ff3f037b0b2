"""The fakes of the two seams: an upstream that follows a script, and an environment whose clock stands still."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict

from aigw.config.plugins import find_plugin
from aigw.config.services import ServiceTable
from aigw.core.answer import Reader
from aigw.core.dialect import Dialect, Turn
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.model import Chunk, Request, Route, Target
from aigw.core.plugin import About, Place
from aigw.core.stores import KV, LOCAL, Counter, Service, StoreError, Stores
from aigw.core.upstream import Upstream
from aigw.dialects import apis
from aigw.dialects.paths import read
from aigw.dialects.sse import Event
from aigw.dialects.table import dialect_for
from aigw.pipeline.forward import Forward
from aigw.stores.memory import MemoryStores

USABLE = (
    b'{"choices":[{"message":{"content":"yo"},"text":"yo"}],"content":[{"type":"text","text":"yo"}],'
    b'"output":[{"type":"message","content":[{"type":"output_text","text":"yo"}]}],"data":[{"embedding":[1.0]}]}'
)
"""An answer of any format."""


@dataclass
class Answer:
    """What the upstream does with one request: raise `error`, or answer; `pieces` may end with an exception."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    pieces: Sequence[bytes | Exception] = (USABLE,)
    error: Exception | None = None


def answer_json(body: Any, status: int = 200) -> Answer:
    return Answer(status, pieces=[json.dumps(body).encode()])


def events(*bodies: Any, done: bool = True) -> Answer:
    """A stream; a body that is bytes is sent as it is, and an error is raised in its place."""
    pieces = [
        body if isinstance(body, bytes | Exception) else f"data: {json.dumps(body)}\n\n".encode() for body in bodies
    ]
    return Answer(
        headers={"content-type": "text/event-stream"}, pieces=[*pieces, *([b"data: [DONE]\n\n"] if done else [])]
    )


class FakeBody:
    def __init__(self, pieces: Sequence[bytes | Exception]) -> None:
        self._pieces = list(pieces)
        self.closed = 0

    def __aiter__(self) -> FakeBody:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class FakeResponse:
    status: int
    headers: CIMultiDict[str]
    body: FakeBody


class FakeUpstream:
    """Answers in the order of its script, the last answer again and again. Keeps what it was sent."""

    def __init__(self, *script: Answer) -> None:
        self._script = list(script) or [Answer()]
        self.sent: list[tuple[Request, Target]] = []
        self.bodies: list[FakeBody] = []

    def follow(self, *script: Answer) -> None:
        """Goes on with another script."""
        self._script = list(script)

    async def send(self, request: Request, target: Target) -> FakeResponse:
        request.seal()
        self.sent.append((request, target))
        answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if answer.error is not None:
            raise answer.error
        self.bodies.append(FakeBody(answer.pieces))
        return FakeResponse(answer.status, CIMultiDict(answer.headers), self.bodies[-1])

    async def aclose(self) -> None:
        pass

    @property
    def last(self) -> Request:
        return self.sent[-1][0]

    def json(self, index: int = -1) -> Any:
        """The body of a sent request."""
        return json.loads(self.sent[index][0].body)


class FailingStores(MemoryStores):
    """Stores of which these operations fail, of counters (`hold`) as of values (`get`)."""

    def __init__(self, *operations: str, message: str = "redis.static is down") -> None:
        super().__init__()
        self._operations = operations
        self._message = message

    def kv(self, service: Service = LOCAL) -> Any:
        return _Failing(super().kv(service), self._operations, self._message)

    def counter(self, service: Service = LOCAL) -> Any:
        return _Failing(super().counter(service), self._operations, self._message)


class _Failing:
    def __init__(self, store: KV | Counter, operations: Sequence[str], message: str) -> None:
        self._store = store
        self._operations = operations
        self._message = message

    def __getattr__(self, name: str) -> Any:
        return self._fail if name in self._operations else getattr(self._store, name)

    async def _fail(self, *arguments: Any, **named: Any) -> None:
        raise StoreError(self._message)


class FakeClock:
    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class WordCounter:
    """Counts words where no test is about tokens."""

    def count(self, text: str, model: str = "") -> int:
        return len(text.split())

    def count_turns(self, turns: Sequence[Turn], model: str = "") -> int:
        return sum(self.count(text) for turn in turns for text in turn.texts)

    def clip(self, text: str, limit: int, model: str = "") -> str:
        return " ".join(text.split()[:limit])

    def text_of(self, tokens: Sequence[int], model: str = "") -> str:
        return " ".join(map(str, tokens))

    def ready(self, model: str = "") -> bool:
        return True


def make_env(
    upstream: Upstream,
    *,
    fidelity: str = "safe",
    clock: FakeClock | None = None,
    seed: int = 1,
    services: ServiceTable | None = None,
    stores: Stores | None = None,
    **more: Any,
) -> Env:
    clock = clock or FakeClock()
    return Env(
        upstream=upstream,
        services=services or ServiceTable({}),
        tokenizer=WordCounter(),
        fidelity=fidelity,
        stores=stores or MemoryStores(clock.time),
        clock=clock,
        random=random.Random(seed),
        **more,
    )


def about(build: Any, config: Any, *, like: str = "", **more: Any) -> About[Any]:
    """A plugin that only the test has. It stands where aigw's plugin `like` does."""
    found = find_plugin(like) if like else None
    place = Place("", 500) if found is None else found.place
    return About(config=config, build=build, place=place, recipe="", **more)


def chat(body: Any, *, path: str = "/v1/chat/completions", headers: dict[str, str] | None = None) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    all_headers = {"host": "localhost", "content-type": "application/json", **(headers or {})}
    return Request("POST", path, "", CIMultiDict(all_headers), raw)


def make_exchange(
    request: Request, *, route: Route | None = None, dialect: Dialect | None = None, fidelity: str = "safe"
) -> Exchange:
    """As the edge does. `dialect`: one that the table does not know, which gives its API its own name."""
    if fidelity == "safe":
        request.path, api, request.given = read(request.path)
    else:
        api = apis.detect(request.path) or ""
    api = dialect.name if dialect is not None else api
    return Exchange(
        id="aigw-1",
        request=request,
        route=route or Route("test"),
        api=api,
        dialect=dialect or dialect_for(api, request.headers, request.path),
        client="127.0.0.1",
        arrived=0.0,
        jobs=set(),
    )


def answered(exchange: Exchange, *payloads: Any, streaming: bool = True, provider: str = "openai") -> Reader:
    """The exchange's answer, as if a provider had sent these payloads: the events of a stream, or one plain body."""
    answer = exchange.answer = exchange.wire.reader(exchange.asked, streaming=streaming, provider=provider)
    for payload in payloads:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        answer.feed([Event(b"data: " + data + b"\n\n") if streaming else Chunk(data, data)])
    return answer


def terminal(upstream: Upstream) -> Forward:
    return Forward(upstream)

"""Drives the built-in models through the upstream seam, with a clock that only moves when somebody sleeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from aigw.core.model import Origin, Request, Target, Timeouts
from aigw.core.upstream import Upstream, UpstreamResponse
from aigw.metering.tokenizer import TokenCounter
from aigw.upstream.builtin import BuiltinUpstream, Mock, MockSettings
from aigw.upstream.builtin.delivery import Sleep

CHAT = "/v1/chat/completions"


@dataclass
class FakeTime:
    now: float = 1_000_000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Answered:
    """A response that was read to its end."""

    status: int
    headers: CIMultiDict[str]
    pieces: list[bytes]

    @property
    def json(self) -> Any:
        return json.loads(b"".join(self.pieces))

    @property
    def events(self) -> list[Any]:
        """The JSON of each event. Every piece must be one event, and [DONE] the last one."""
        assert all(piece.startswith(b"data: ") and piece.endswith(b"\n\n") for piece in self.pieces)
        assert all(piece.count(b"\n") == 2 for piece in self.pieces)
        *events, done = [piece[len(b"data: ") :].strip() for piece in self.pieces]
        assert done == b"[DONE]"
        return [json.loads(event) for event in events]


class Models:
    """The built-in models with one configuration."""

    def __init__(
        self, counter: TokenCounter, settings: MockSettings, timeouts: Timeouts, sleep: Sleep | None = None
    ) -> None:
        self.time = FakeTime()
        self.counter = counter
        self.target = Target(Origin("builtin", "models", 0), "models", timeouts, Mock(settings))
        ids = count(1)
        self.upstream: Upstream = BuiltinUpstream(
            counter, clock=self.time, sleep=sleep or self.time.sleep, new_id=lambda: f"id{next(ids)}"
        )

    async def send(
        self, path: str, body: Any = None, method: str = "", kind: str = "application/json"
    ) -> UpstreamResponse:
        """`body` is sent as it is if it is bytes, as JSON otherwise."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = CIMultiDict({"content-type": kind})
        request = Request(method or ("POST" if sent else "GET"), path, "", headers, sent)
        return await self.upstream.send(request, self.target)

    async def ask(self, path: str, body: Any = None, method: str = "", kind: str = "application/json") -> Answered:
        response = await self.send(path, body, method, kind)
        pieces = [piece async for piece in response.body]
        await response.body.aclose()
        return Answered(response.status, response.headers, pieces)

    async def chat(self, model: str, text: str = "Hello there", **fields: Any) -> Answered:
        return await self.ask(CHAT, {"model": model, "messages": [{"role": "user", "content": text}], **fields})


@pytest.fixture(scope="session")
def counter(tmp_path_factory: pytest.TempPathFactory) -> TokenCounter:
    return TokenCounter(tmp_path_factory.mktemp("vocabularies"))


@pytest.fixture
def models(counter: TokenCounter) -> Callable[..., Models]:
    def make(timeouts: Timeouts | None = None, sleep: Sleep | None = None, **settings: Any) -> Models:
        return Models(counter, MockSettings(**settings), timeouts or Timeouts(), sleep)

    return make


@pytest.fixture
def cold(tmp_path: Path) -> Models:
    """Models whose tokenizer has not been loaded."""
    return Models(TokenCounter(tmp_path), MockSettings(), Timeouts())

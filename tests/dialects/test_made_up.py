"""A dialect is one file and one row: a format that nobody speaks, and everything that works in it without a change
anywhere else. This file is its file; the row is what `asking` says of a request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import pytest
from fakes import Answer, answer_json, events
from world import world

from aigw.books.metrics import Metrics
from aigw.core.dialect import Asked, Turn
from aigw.core.errors import UpstreamError
from aigw.core.model import Batch, Chunk, Request
from aigw.core.stores import Service
from aigw.dialects.generic import Generic
from aigw.dialects.reader import AnswerReader
from aigw.dialects.sse import json_event
from aigw.dialects.view import RequestView, text_of
from aigw.higress.values import truthy

# The dialect: {"ask": "...", "to": model, "bits": true} -> {"reply": "...", "by": model, "over": true, "words": [in, out]},
# or events {"bit": "..."} and at last {"by": model, "over": true, "words": [in, out]}.


class MadeUpView(RequestView):
    PROMPTS = ("ask",)
    IMMATERIAL = ("bits",)

    @property
    def model(self) -> str:
        return text_of(self.get("to"))

    @property
    def stream(self) -> bool:
        return truthy(self.get("bits"))

    @property
    def turns(self) -> list[Turn]:
        return [Turn("user", (text_of(self.get("ask")),))]


class MadeUpReader(AnswerReader):
    MARKS = (b'"over"', b'"woe"')
    __slots__ = ("_over",)

    def __init__(self, *, streaming: bool, provider: str = "") -> None:
        super().__init__(streaming=streaming, provider=provider)
        self._over = False

    def take_event(self, body: dict[str, Any]) -> None:
        self.take_body(body)

    def take_body(self, body: dict[str, Any]) -> None:
        self._over = self._over or bool(body.get("over"))
        self._error = text_of(body.get("woe")) or self._error
        if isinstance(words := body.get("words"), list):
            usage = {"input_tokens": words[0], "output_tokens": words[1]}
            self._usage.take({"usage": usage, "model": body.get("by")})

    @property
    def complete(self) -> bool:
        self._read()
        return self._over and not self._error

    def gather(self, body: dict[str, Any]) -> None:
        self.add_text(body.get("bit") or body.get("reply"))


class MadeUp(Generic):
    """A `core.dialect.Dialect`."""

    name: ClassVar[str] = "made-up"
    convertible: ClassVar[bool] = True
    marks_end: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True

    def asked(self, request: Request, api: str) -> Asked:
        return MadeUpView(request, api)

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> AnswerReader:
        return MadeUpReader(streaming=streaming, provider=provider)

    def is_last(self, batch: Batch) -> bool:
        return b'"over"' in batch[-1].raw

    def whole(self, events: Iterable[Chunk]) -> bytes:
        bodies = [event.json() for event in events]
        return json.dumps({"reply": "".join(body.get("bit", "") for body in bodies), **bodies[-1]}).encode()

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        answer = json.loads(body)
        yield json_event({"bit": answer.pop("reply")})
        yield json_event(answer)


# What works in it

MADE_UP = MadeUp()
END = {"by": "m-1", "over": True, "words": [4, 3]}
PLAIN = answer_json({"reply": "so and so", **END})
STREAM = events({"bit": "so "}, {"bit": "and so"}, END, done=False)
REDIS = {"service_name": "redis.static", "service_port": 6379}
PLUGINS = {
    "ai-statistics": {},
    "ai-cache": {"redis": {"serviceName": "redis.static"}},
    "ai-token-ratelimit": {"rule_name": "r", "global_threshold": {"token_per_day": 100}, "redis": REDIS},
    "ai-proxy": {"provider": {"type": "generic", "genericHost": "llm"}},
}
KEY = "higress-token-ratelimit:{r}:global_threshold:86400"


def asking(stream: bool, **more: Any) -> dict[str, Any]:
    return {"body": {"ask": "how is it", "to": "m", "bits": stream, **more}, "path": "/talk", "dialect": MADE_UP}


@pytest.fixture
async def talk():
    """Starts a world whose provider speaks the format."""

    def start(*script: Answer):
        return world(PLUGINS, *script, service=Service("redis.static", 6379), metrics=Metrics())

    return start


def said(seen: Any, *, stream: bool) -> str:
    return "".join(event.get("bit", "") for event in seen.events()) if stream else seen.json()["reply"]


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("stream", [False, True])
async def test_it_is_cached_in_both_forms(talk, stream, again):
    async with talk(STREAM if stream else PLAIN) as it:
        first = await it.ask(**asking(stream))
        second = await it.ask(**asking(again))
        other = await it.ask(**asking(again, ask="what else"))
    assert [each.headers["x-aigw-cache"].partition(";")[0] for each in (first, second, other)] == [
        "miss",
        "hit",
        "miss",
    ]
    assert said(first, stream=stream) == said(second, stream=again) == "so and so"
    assert len(it.upstream.sent) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_it_is_limited_and_counted(talk, stream):
    async with talk(STREAM if stream else PLAIN) as it:
        seen = await it.ask(**asking(stream))
        assert await it.used(KEY) == 4 + 3
        log = seen.labels.ai_log
        assert (log["model"], log["input_token"], log["output_token"]) == ("m-1", 4, 3)
        counts = {name: count for (name, _), count in it.env.metrics.counts().items()}
        assert (counts["input_token"], counts["output_token"], counts["llm_duration_count"]) == (4, 3, 1)


async def test_what_was_cut_off_is_estimated_and_not_cached(talk):
    async with talk(events({"bit": "so "}, {"bit": "and so"}, done=False)) as it:
        for _ in range(2):
            exchange, reply = await it.send(**asking(True))
            assert reply.headers["x-aigw-cache"].startswith("miss")
            with pytest.raises(UpstreamError, match="before it was complete"):
                await reply.body()
            await it.close(exchange)
        assert await it.used(KEY) == 2 * (3 + 3)  # words


async def test_what_the_provider_says_went_wrong_is_a_failure(talk):
    async with talk(events({"bit": "so "}, {"woe": "alas"}, done=False)) as it:
        seen = await it.ask(**asking(True))
        assert seen.exchange.answer.error == "alas"
        assert (await it.ask(**asking(True))).headers["x-aigw-cache"].startswith("miss")
        assert {name for name, _ in it.env.metrics.counts()} == {"llm_failure_count"}

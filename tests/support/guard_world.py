"""A world in which the screen of this machine answers for Content Security, and a provider follows a script."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fakes import Answer, FakeUpstream, answer_json
from world import World, world

from aigw.clients.green_cip import STANDIN
from aigw.guard.screen import Screen
from aigw.guard.settings import GuardSettings, UserRule
from aigw.standins.green_cip import GreenCipStandin
from aigw.upstream.standin import StandinUpstream
from aigw.upstream.switch import Switch

SETTINGS = GuardSettings(rules=[UserRule(label="project", words=["project bluebird"])])
MAIL = "jane.sample" + "@example.com"
BAD = "project bluebird"
BOTH = {"checkRequest": True, "checkResponse": True}


def said(text: str, **message: Any) -> Answer:
    """A provider's plain answer of a chat."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return answer_json({"id": "x", "object": "chat.completion", "choices": [choice]})


def pieces_of(text: str, size: int) -> list[bytes]:
    """The events of a chat with this text, in pieces of `size` characters."""
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    deltas = [*({"content": piece} for piece in pieces), {}]
    ends = itertools.chain(itertools.repeat(None, len(pieces)), ["stop"])
    bodies = [
        {"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        for delta, end in zip(deltas, ends, strict=True)
    ]
    return [b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies]


def streamed(text: str, size: int = 5, *more: Exception) -> Answer:
    done = [] if more else [b"data: [DONE]\n\n"]
    return Answer(headers={"content-type": "text/event-stream"}, pieces=[*pieces_of(text, size), *done, *more])


@asynccontextmanager
async def guard_world(
    config: dict[str, Any],
    *script: Answer,
    settings: GuardSettings = SETTINGS,
    plugins: dict[str, Any] | None = None,
    **how: Any,
) -> AsyncIterator[World]:
    """`config` is that of ai-security-guard, `plugins` are those of others. `provider` of the world is the FakeUpstream."""
    provider = FakeUpstream(*script)
    screen = Screen(settings)
    standins = {STANDIN: GreenCipStandin(lambda: screen, lambda: "R1")}
    switch = Switch({"http": provider, "https": provider, "standin": StandinUpstream(standins)})
    async with world({"ai-security-guard": config, **(plugins or {})}, upstream=switch, standins=standins, **how) as it:
        it.provider = provider  # type: ignore[attr-defined]
        yield it

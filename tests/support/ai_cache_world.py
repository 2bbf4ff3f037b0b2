"""Requests through ai-cache, over a scripted upstream."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from fakes import Answer
from world import Seen, World, configured, world

from aigw.core.stores import Service

CONFIG = {"cache": {"type": "redis", "serviceName": "redis.static", "cacheTTL": 60}}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
HEAD = {"id": "x", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def completion(text: str = "Hello", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE, **more}


def delta(finish: str | None = None, **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": members, "finish_reason": finish}
    return {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}


STREAM = (delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"))
USAGE_CHUNK = {**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}


def asking(stream: bool = False, **more: Any) -> dict[str, Any]:
    return {**QUESTION, **({"stream": True} if stream else {}), **more}


def told(seen: Seen) -> str:
    """What the client is told about the cache."""
    return seen.headers.get("x-aigw-cache", "")


def how(seen: Seen) -> str:
    """hit, miss or bypass."""
    return told(seen).partition(";")[0]


def parse(config: Any) -> Any:
    return configured({"ai-cache": config}).plugins["ai-cache"].rules.default


def stage(*script: Answer, config: Any = (), **more: Any) -> AbstractAsyncContextManager[World]:
    service = Service("redis.static", 80)
    return world({"ai-cache": {**CONFIG, **dict(config)}}, *script, question=QUESTION, service=service, **more)

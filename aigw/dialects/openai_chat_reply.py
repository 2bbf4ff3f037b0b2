"""Rewrites answers of chat completions: moves usage that is in the wrong place, and uses the reasoning as content if
the content is empty. Sans-io."""

from __future__ import annotations

from typing import Any

from aigw.core.model import Batch, Chunk
from aigw.dialects.json_values import decoded, encoded
from aigw.dialects.sse import json_event
from aigw.dialects.view import rows_of


class LiftUsage:
    """Moves `usage` from choices[0] to the top level, where clients look for it."""

    def feed(self, batch: Batch) -> Batch:
        return [self._lift(chunk) if b'"usage"' in chunk.raw else chunk for chunk in batch]

    def end(self) -> Batch:
        return ()

    def _lift(self, chunk: Chunk) -> Chunk:
        body = chunk.json()
        choices = _choices(body)
        if not choices or "usage" not in choices[0] or body.get("usage"):
            return chunk
        first = {name: value for name, value in choices[0].items() if name != "usage"}
        return json_event({**body, "choices": [first, *choices[1:]], "usage": choices[0]["usage"]})


class PromoteThinking:
    """If a stream has reasoning but no content, adds the reasoning as content before the chunk with the finish
    reason."""

    def __init__(self) -> None:
        self._thinking: list[str] = []
        self._answered = False

    def feed(self, batch: Batch) -> Batch:
        out: list[Chunk] = []
        for chunk in batch:
            body = chunk.json() if not self._answered and b'"choices"' in chunk.raw else None
            if isinstance(body, dict) and (choices := _choices(body)):
                self._note(choices[0].get("delta"))
                if choices[0].get("finish_reason") and self._thinking and not self._answered:
                    delta = {"content": "".join(self._thinking)}
                    out.append(json_event({**body, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
                    self._answered = True
            out.append(chunk)
        return out

    def end(self) -> Batch:
        return ()

    def _note(self, delta: Any) -> None:
        if not isinstance(delta, dict):
            return
        reasoning = delta.get("reasoning_content")
        if delta.get("content") or delta.get("tool_calls"):
            self._answered = True
        elif reasoning and isinstance(reasoning, str):
            self._thinking.append(reasoning)


def promote_thinking(body: bytes) -> bytes:
    """Returns a plain answer in which messages without content have their reasoning as content. Returns `body` itself
    if nothing changes."""
    try:
        answer = decoded(body)
    except ValueError:
        return body
    changed = False
    for choice in _choices(answer):
        message = choice.get("message")
        if (
            isinstance(message, dict)
            and not message.get("content")
            and not message.get("tool_calls")
            and message.get("reasoning_content")
        ):
            message["content"] = message.pop("reasoning_content")
            changed = True
    return encoded(answer) if changed else body


def _choices(body: Any) -> list[dict[str, Any]]:
    return rows_of(body.get("choices")) if isinstance(body, dict) else []

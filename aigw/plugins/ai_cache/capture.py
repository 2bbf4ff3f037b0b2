"""Watches an answer go by and makes an entry of it if it is complete and successful.

Rule: only what came to its proper end is kept: status 200, a finish reason for every choice, a stream with its last
event, no error inside. While the answer goes by its pieces are only collected."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.chat_whole import usage_chunk
from aigw.dialects.openai_chat import DONE_DATA, choices_of, is_error, is_usage_only
from aigw.dialects.sse import json_event
from aigw.dialects.usage import as_payload
from aigw.plugins.ai_cache.entry import Entry
from aigw.plugins.ai_cache.key import CONVERTIBLE, Asked

MAX_BYTES = 8 * 1024 * 1024
"""Of an answer that is kept."""


def keepable(reply: Reply) -> bool:
    """Whether an answer with this head may become an entry."""
    if reply.status != 200 or "content-encoding" in reply.headers:
        return False
    content_type = reply.headers.get("content-type", "").lower()
    return "json" in content_type or reply.streaming


class Capture:
    """Collects one answer. `now` gives monotonic seconds."""

    __slots__ = ("_asked", "_batches", "_content_type", "_now", "_size", "_streaming")

    def __init__(self, asked: Asked, reply: Reply, now: Callable[[], float]) -> None:
        self._asked = asked
        self._streaming = reply.streaming
        self._content_type = reply.headers.get("content-type", "")
        self._now = now
        self._batches: list[tuple[float, Batch]] = []
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes that have gone by."""
        return self._size

    def batch(self, batch: Batch) -> None:
        self._size += len(batch[0].raw) if len(batch) == 1 else sum([len(chunk.raw) for chunk in batch])
        if self._size <= MAX_BYTES:
            self._batches.append((self._now(), batch))

    def entry(self, exchange: Exchange, *, created: float, ttl: int, parts: bytes) -> Entry | None:
        """The complete answer; None if it is not one."""
        if self._size > MAX_BYTES or not self._batches:
            return None
        fields = self._stream(exchange) if self._streaming else self._plain()
        if fields is None:
            return None
        return Entry(
            created=created,
            ttl=ttl,
            api=self._asked.api,
            model=self._asked.model,
            streamed=self._streaming,
            content_type=self._content_type,
            parts=parts,
            **fields,
        )

    def _plain(self) -> dict[str, Any] | None:
        body = b"".join([chunk.raw for _, batch in self._batches for chunk in batch])
        answer = Chunk(body, body).json()
        if not isinstance(answer, dict) or answer.get("error"):
            return None
        if self._asked.api == apis.EMBEDDINGS:
            complete = bool(answer.get("data"))
        elif self._asked.api == apis.MESSAGES:
            complete = bool(answer.get("stop_reason"))
        elif self._asked.api == apis.RESPONSES:
            complete = answer.get("status") == "completed"
        else:
            choices = choices_of(answer)
            complete = len(choices) >= self._asked.choices and all(choice.get("finish_reason") for choice in choices)
        return {"body": body} if complete else None

    def _stream(self, exchange: Exchange) -> dict[str, Any] | None:
        pairs = [(chunk, at) for at, batch in self._batches for chunk in batch if _has_data(chunk)]
        events = [chunk for chunk, _ in pairs]
        if not events or _failed(events):
            return None
        if self._asked.api not in CONVERTIBLE:
            return _as_it_is(pairs) if _ended(events) else None
        if events[-1].data != DONE_DATA or not self._finished(events):
            return None
        told = next((event for event in events[-LAST:] if is_usage_only(event)), None)
        fields = _as_it_is([pair for pair in pairs[:-1] if pair[0] is not told])
        usage = told.raw if told is not None else _usage_event(exchange, events[0].json())
        return {**fields, "usage": usage, "tail": events[-1].raw}

    def _finished(self, events: list[Chunk]) -> bool:
        """Whether every choice has its finish reason. Where there is one choice, nothing needs to be decoded."""
        told = [event for event in events if _FINISH.search(event.raw)]
        if self._asked.choices == 1:
            return bool(told)
        choices = [choice for event in told for choice in choices_of(event.json()) if choice.get("finish_reason")]
        return len({str(choice.get("index", 0)) for choice in choices}) >= self._asked.choices


_FINISH = re.compile(rb'"finish_reason"\s*:\s*"')
LAST = 4
"""Among so many events at the end is the one that tells only usage."""


def _has_data(event: Chunk) -> bool:
    return event.raw.startswith(b"data:") or event.data is not None


def _as_it_is(pairs: list[tuple[Chunk, float]]) -> dict[str, Any]:
    times = [at for _, at in pairs]
    delays = [round(1000 * (at - before)) for at, before in zip(times, [times[0], *times], strict=False)]
    return {"body": b"".join([chunk.raw for chunk, _ in pairs]), "delays": tuple(delays)}


def _failed(events: list[Chunk]) -> bool:
    suspects = [event for event in events if b'"error"' in event.raw]
    return any(is_error(event) or _type_of(event) == "error" for event in suspects)


def _ended(events: list[Chunk]) -> bool:
    """Whether the last event of Anthropic's or of the Responses API says that all is there."""
    return _type_of(events[-1]) in ("message_stop", "response.completed")


def _type_of(event: Chunk) -> Any:
    body = event.json()
    return body.get("type") if isinstance(body, dict) else None


def _usage_event(exchange: Exchange, first: Any) -> bytes:
    """The event that the client did not ask for, made of what the provider told the gateway."""
    payload = as_payload(exchange.meter.tokens, "") if exchange.meter is not None else b""
    if not payload or not isinstance(first, dict):
        return b""
    usage = msgspec.json.decode(payload)["usage"]
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return json_event(usage_chunk(first, usage)).raw

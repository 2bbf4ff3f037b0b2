"""Writes an answer as a stream of Anthropic's Messages API.

Rules: a block begins with its first piece, because the client would send an empty one back. A call has at least one
piece of its input, because Claude Code reads the arguments from the pieces alone. Blocks follow one another; only calls
whose pieces come in turns stand open beside each other."""

from __future__ import annotations

from msgspec.structs import replace

from aigw.core.model import Chunk
from aigw.core.tokens import Tokens
from aigw.dialects.anthropic_writer import usage_of
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.sse import Event
from aigw.dialects.typed_event import typed_event
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.frame import Frame

BYTES_PER_TOKEN = 4
_REASONS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal", "error": "end_turn"}
_BEGINNINGS: dict[str, Json] = {
    "text": {"type": "text", "text": ""}, "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}  # fmt: skip


_TEXT_HEAD = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":'
)
"""Pieces of texts are nearly all events of most answers, and are written without encoding what is always the same."""
_TEXT_TAIL = b"}}\n\n"


class MessagesWriter:
    bears_comments = True

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._next = 0
        self._block: tuple[str, int] | None = None
        """The type and the index of the open block that is no call."""
        self._text_head = b""
        self._calls: dict[int, int] = {}
        """The index of each open call, by its key."""
        self._filled: set[int] = set()
        """The keys of calls with a piece of input."""
        self._guess = Tokens(input=max(1, frame.size // BYTES_PER_TOKEN))
        """Clients see the input before a provider tells it, and keep that where it never does."""
        self._written = 0
        """How many characters the model has made."""
        self._tokens = Tokens()
        self._reason, self._stop = "end_turn", ""

    def write(self, event: AnswerEvent) -> list[Chunk]:
        match event:
            case TextDelta():
                self._written += len(event.text)
                if self._block is not None and self._block[0] == "text":
                    return [Event(self._text_head + encoded(event.text) + _TEXT_TAIL)]
                return self._grow("text", {"type": "text_delta", "text": event.text})
            case ThinkingDelta():
                self._written += len(event.text)
                return self._grow("thinking", {"type": "thinking_delta", "thinking": event.text})
            case CallDelta():
                return self._argue(event.key, event.text)
            case ThinkingState():
                return self._seal(event)
            case CallStart():
                return self._call(event)
            case CallEnd():
                return self._end_call(event.key)
            case Started():
                return self._start(event)
            case Citation():
                self._frame.notes.lose("answer: citations")  # the vendor's own are signed
            case Counted():
                self._tokens = event.tokens
            case Finished():
                stopped = event.reason == "stop" and event.stop != ""
                self._reason = "stop_sequence" if stopped else _REASONS.get(event.reason, "end_turn")
                self._stop = event.stop
            case Ended():
                return self._end()
        return []

    def _start(self, event: Started) -> list[Chunk]:
        frame = self._frame
        self._guess = event.tokens or self._guess
        message: Json = {
            "id": f"msg_{frame.id}",
            "type": "message",
            "role": "assistant",
            "model": event.model or frame.conversation.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(self._guess),
        }
        return [typed_event({"type": "message_start", "message": message})]

    def _grow(self, kind: str, delta: Json) -> list[Chunk]:
        out: list[Chunk] = []
        if self._block is None or self._block[0] != kind:
            out = self._close()
            self._block = (kind, self._next)
            self._text_head = _TEXT_HEAD % self._next
            out.append(self._begin(_BEGINNINGS[kind]))
        assert self._block is not None
        out.append(_delta(self._block[1], delta))
        return out

    def _begin(self, block: Json) -> Chunk:
        self._next += 1
        return typed_event({"type": "content_block_start", "index": self._next - 1, "content_block": block})

    def _close(self) -> list[Chunk]:
        if self._block is None:
            return []
        index, self._block = self._block[1], None
        return [typed_event({"type": "content_block_stop", "index": index})]

    def _seal(self, event: ThinkingState) -> list[Chunk]:
        if event.redacted:
            index, closed = self._next, self._close()
            start = self._begin({"type": "redacted_thinking", "data": event.state})
            return [*closed, start, typed_event({"type": "content_block_stop", "index": index})]
        if self._block is None or self._block[0] != "thinking":
            return []
        signed = {"type": "signature_delta", "signature": event.state}
        return [*([_delta(self._block[1], signed)] if event.state else []), *self._close()]

    def _call(self, event: CallStart) -> list[Chunk]:
        closed = self._close()
        self._calls[event.key] = self._next
        return [*closed, self._begin({"type": "tool_use", "id": event.id, "name": event.name, "input": {}})]

    def _argue(self, key: int, text: str) -> list[Chunk]:
        self._filled.add(key)
        self._written += len(text)
        return [_delta(self._calls[key], {"type": "input_json_delta", "partial_json": text})]

    def _end_call(self, key: int) -> list[Chunk]:
        rest = [] if key in self._filled else self._argue(key, "{}")
        return [*rest, typed_event({"type": "content_block_stop", "index": self._calls.pop(key)})]

    def _used(self) -> Tokens:
        """Returns the reported tokens, with estimates for missing numbers, because the client would believe a 0."""
        tokens, guess = self._tokens, self._guess
        if tokens.prompt is None:
            tokens = replace(tokens, input=guess.input, cache_read=guess.cache_read, cache_write=guess.cache_write)
        if tokens.output is None:
            tokens = replace(tokens, output=-(-self._written // BYTES_PER_TOKEN))
        return tokens

    def _end(self) -> list[Chunk]:
        delta = {"stop_reason": self._reason, "stop_sequence": self._stop or None}
        told = {"type": "message_delta", "delta": delta, "usage": usage_of(self._used())}
        return [*self._close(), typed_event(told), typed_event({"type": "message_stop"})]


def _delta(index: int, delta: Json) -> Chunk:
    return typed_event({"type": "content_block_delta", "index": index, "delta": delta})

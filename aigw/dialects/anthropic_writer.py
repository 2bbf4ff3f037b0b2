"""Writes answers that aigw itself makes, in the format of Anthropic's Messages API: whole, or as a stream of events.

Rules: a text block begins only with its first piece, because the client would send an empty block back, and it would be
refused. A call has at least one piece of input, because Claude Code reads the arguments only from the pieces."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.core.answer import Answer, ToolCall
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import Json, encoded, object_of
from aigw.dialects.typed_event import typed_event

_BYTES_PER_TOKEN = 4
_STOP_REASONS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class MessagesWriter:
    """A `core.answer.Writer`. There is always one message. If there are several answers, each becomes a block of
    it."""

    def __init__(self, model: str, id: str, *, size: int) -> None:
        """`size` is the size of the prompt in bytes. A stream reports the input tokens at its start, when they are not
        counted yet, so they are estimated from this size."""
        self._id = id
        self._head: Json = {"id": f"msg_{id}", "type": "message", "role": "assistant", "model": model}
        self._guess = Tokens(input=max(1, size // _BYTES_PER_TOKEN))
        self._open: set[int] = set()
        self._begun = False
        self._reason = "end_turn"

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes:
        blocks = [self._block(answer.call, answer.text) for answer in answers if answer.call is not None or answer.text]
        reasons = [_reason(answer) for answer in answers]
        return encoded(self._message(blocks, reasons[-1] if reasons else "end_turn", usage))

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]:
        if self._begun:
            return []
        self._begun = True
        return [typed_event({"type": "message_start", "message": self._message([], None, self._guess)}).raw]

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        if not text:
            return []
        delta: Json = {"type": "text_delta", "text": text}
        if call is not None:
            delta = {"type": "input_json_delta", "partial_json": text}
        event = {"type": "content_block_delta", "index": index, "delta": delta}
        return [*self._opened(index, call), typed_event(event).raw]

    def closing(self, index: int, answer: Answer) -> list[bytes]:
        self._reason = _reason(answer)
        rest = self.piece(index, "{}", answer.call) if answer.call is not None and index not in self._open else []
        if not rest and index not in self._open:
            return []
        self._open.discard(index)
        return [*rest, typed_event({"type": "content_block_stop", "index": index}).raw]

    def end(self, usage: Tokens | None) -> list[bytes]:
        delta = {"stop_reason": self._reason, "stop_sequence": None}
        told = {"type": "message_delta", "delta": delta, "usage": usage_of(usage or Tokens())}
        return [typed_event(told).raw, typed_event({"type": "message_stop"}).raw]

    def _message(self, blocks: list[Json], reason: str | None, usage: Tokens) -> Json:
        return {**self._head, "content": blocks, "stop_reason": reason, "stop_sequence": None, "usage": usage_of(usage)}

    def _opened(self, index: int, call: ToolCall | None) -> list[bytes]:
        if index in self._open:
            return []
        self._open.add(index)
        start = {"type": "content_block_start", "index": index, "content_block": self._block(call, "")}
        return [typed_event(start).raw]

    def _block(self, call: ToolCall | None, text: str) -> Json:
        if call is None:
            return {"type": "text", "text": text}
        return {"type": "tool_use", "id": call.id or f"toolu_{self._id}", "name": call.name, "input": _input_of(text)}


def _input_of(arguments: str) -> Json:
    """Returns the arguments as an object, {} if they were cut off."""
    try:
        return object_of(arguments.encode("utf-8", "replace"))
    except ValueError:
        return {}


def usage_of(tokens: Tokens) -> Json:
    """Returns tokens in Anthropic's format, in which cached tokens are not part of the input. SDKs expect all numbers,
    so an unknown number is 0."""
    usage: Json = {
        "input_tokens": tokens.input or 0,
        "cache_creation_input_tokens": tokens.cache_write or 0,
        "cache_read_input_tokens": tokens.cache_read or 0,
        "output_tokens": tokens.output or 0,
    }
    if tokens.reasoning is not None:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
    return usage


def _reason(answer: Answer) -> str:
    if answer.call is not None and answer.finish == "stop":
        return "tool_use"
    return _STOP_REASONS.get(answer.finish, "end_turn")

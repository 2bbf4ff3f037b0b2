"""Reads a stream of Anthropic's Messages API.

Signatures of reasoning leave in an envelope that names their maker. Blocks of the provider's own tools are noted: their
findings are in the text, too."""

from __future__ import annotations

from aigw.core.answer import Finish
from aigw.core.model import Chunk
from aigw.dialects.failures import failure_in_event, failure_of, is_failed_end
from aigw.dialects.json_values import Json, json_text
from aigw.dialects.usage import UsageReader
from aigw.dialects.view import index_of, text_of
from aigw.translation.envelope import sealed
from aigw.translation.events import (
    AnswerEvent,
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.frame import Frame

_FINISHES: dict[str, Finish] = {
    "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls",
    "refusal": "content_filter",
}  # fmt: skip
"""The reasons for the end of an answer. Any other reason is a normal end."""


class _Block:
    """An open block. `given` is the input that stood in the start of a call. `signature` is that of reasoning."""

    __slots__ = ("given", "kind", "signature")

    def __init__(self, block: Json) -> None:
        self.kind = text_of(block.get("type"))
        self.given = block.get("input")
        self.signature = text_of(block.get("signature"))


class MessagesReader:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._usage = UsageReader()
        self._blocks: dict[int, _Block] = {}
        """The open blocks, by their index."""

    def feed(self, chunk: Chunk) -> list[AnswerEvent]:
        body = chunk.json()
        if not isinstance(body, dict):
            return []
        match body.get("type"):
            case "content_block_delta":
                return self._delta(index_of(body, 0), body.get("delta"))
            case "content_block_start":
                return self._start(index_of(body, 0), body.get("content_block"))
            case "content_block_stop":
                return self._stop(index_of(body, 0))
            case "message_start":
                return self._begin(body)
            case "message_delta":
                return self._end(body)
            case "message_stop":
                return [Ended()]
            case "ping":
                return []
        told = failure_in_event(chunk)
        return [] if told is None else [Failed(failure_of(told))]

    def end(self) -> list[AnswerEvent]:
        return [Ended()]

    def _begin(self, body: Json) -> list[AnswerEvent]:
        self._usage.take(body)
        message = body.get("message")
        message = message if isinstance(message, dict) else {}
        tokens = self._usage.tokens
        known = tokens if tokens.source == "reported" else None
        started: list[AnswerEvent] = [Started(text_of(message.get("id")), text_of(message.get("model")), known)]
        return started if known is None else [*started, Counted(known)]

    def _start(self, index: int, given: object) -> list[AnswerEvent]:
        if not isinstance(given, dict):
            return []
        block = self._blocks[index] = _Block(given)
        match block.kind:
            case "text":
                return _text(text_of(given.get("text")))
            case "thinking":
                return _thought(text_of(given.get("thinking")))
            case "redacted_thinking":
                return [ThinkingState(sealed(self._maker, text_of(given.get("data"))), redacted=True)]
            case "tool_use":
                return [CallStart(index, text_of(given.get("id")), text_of(given.get("name")))]
        self._frame.notes.lose(f"answer: {block.kind or 'a block without a type'}")
        return []

    def _delta(self, index: int, given: object) -> list[AnswerEvent]:
        block = self._blocks.get(index)
        if not isinstance(given, dict) or block is None:
            return []
        match given.get("type"):
            case "text_delta":
                return _text(text_of(given.get("text")))
            case "input_json_delta" if block.kind == "tool_use":
                return self._argue(index, block, text_of(given.get("partial_json")))
            case "thinking_delta":
                return _thought(text_of(given.get("thinking")))
            case "signature_delta":
                block.signature = text_of(given.get("signature"))
            case "citations_delta":
                return _cited(given.get("citation"))
        return []

    def _argue(self, index: int, block: _Block, text: str) -> list[AnswerEvent]:
        if not text:
            return []
        block.given = None
        return [CallDelta(index, text)]

    def _stop(self, index: int) -> list[AnswerEvent]:
        block = self._blocks.pop(index, None)
        if block is None:
            return []
        if block.kind == "thinking":
            return [ThinkingState(sealed(self._maker, block.signature) if block.signature else "")]
        if block.kind != "tool_use":
            return []
        rest: list[AnswerEvent] = [CallDelta(index, json_text(block.given))] if block.given else []
        return [*rest, CallEnd(index)]

    def _end(self, body: Json) -> list[AnswerEvent]:
        self._usage.take(body)
        delta = body.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        reason = text_of(delta.get("stop_reason"))
        if reason == "pause_turn":
            self._frame.notes.lose("answer: pause_turn")
        if is_failed_end(reason):
            return [Failed(failure_of({"message": f"the answer ended with {reason}"}))]
        details = delta.get("stop_details")
        words = text_of(details.get("explanation")) if isinstance(details, dict) else ""
        refusal: list[AnswerEvent] = [TextDelta(words, refusal=True)] if words and reason == "refusal" else []
        finished = Finished(_FINISHES.get(reason, "stop"), text_of(delta.get("stop_sequence")))
        return [*refusal, Counted(self._usage.tokens), *([finished] if reason else [])]

    @property
    def _maker(self) -> str:
        return self._frame.rules.maker


def _text(text: str) -> list[AnswerEvent]:
    return [TextDelta(text)] if text else []


def _thought(text: str) -> list[AnswerEvent]:
    return [ThinkingDelta(text)] if text else []


def _cited(citation: object) -> list[AnswerEvent]:
    """Returns a citation that has a URL. Others name a document of the request."""
    if not isinstance(citation, dict) or not text_of(citation.get("url")):
        return []
    return [Citation(text_of(citation["url"]), text_of(citation.get("title")))]

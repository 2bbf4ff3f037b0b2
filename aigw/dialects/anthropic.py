"""Anthropic's Messages API.

Rules of the wire: each event has an `event:` line, and the same `type` in its data. `message_start` has the message
without content. The blocks follow one after the other (`content_block_start`, `_delta`, `_stop`). `message_delta` has
the reason for the end and the usage. `message_stop` ends the stream. An `error` event may come at any time, and is then
the last one. Input tokens do not include cached tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from aigw.core.answer import AnswerText, BreakingOff, Finish, Writer
from aigw.core.dialect import Asked, Said, TextPlace, Where
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk, Request, raw_of
from aigw.core.tokens import Tokens
from aigw.dialects import anthropic_texts, anthropic_view, anthropic_whole
from aigw.dialects.answer_texts import rewrite
from aigw.dialects.anthropic_view import CALLS, CountView, MessagesView
from aigw.dialects.anthropic_writer import MessagesWriter
from aigw.dialects.breaking_off import MessagesEnd
from aigw.dialects.errors import AnthropicGeneric
from aigw.dialects.failures import failure_in, failure_in_event, is_failed_end
from aigw.dialects.json_edit import put
from aigw.dialects.json_values import encoded, json_text, object_of
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.sse import rewritten
from aigw.dialects.typed_event import type_of, typed_event
from aigw.dialects.view import rows_of, text_of

_GENERIC = AnthropicGeneric()
_STOP = b'"message_stop"'
_FINISHES: dict[str, Finish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""The reasons for the end of an answer. Any other reason that is no failure counts as "stop"."""


class MessagesReader(AnswerReader):
    """Reads an answer. The marks contain quotes, which are escaped inside a text, so that a text never contains a
    mark."""

    MARKS = (_STOP, b'"stop_reason"', b'"error"', b'"error_code"', b'"base_resp"')
    CALL_MARK = b'"partial_json"'
    __slots__ = ("_ended", "_given", "_stopped")

    def __init__(self, *, streaming: bool, provider: str = "") -> None:
        super().__init__(streaming=streaming, provider=provider)
        self._ended = False
        """Whether the reason for the end has arrived."""
        self._stopped = not streaming
        self._given: set[int] = set()
        """The indices of the blocks whose start had their input already."""

    def take_event(self, body: Json) -> None:
        kind = body.get("type")
        if (kind is None or kind == "error") and (error := failure_in(body)) is not None:
            self.fail(error)
        elif kind == "message_stop":
            self._stopped = True
        else:
            self._usage.take(body)
            delta = body.get("delta")
            self._end(delta.get("stop_reason") if kind == "message_delta" and isinstance(delta, dict) else None)

    def take_body(self, body: Json) -> None:
        self._usage.take(body)
        self._end(body.get("stop_reason"))
        if (error := failure_in(body)) is not None:
            self.fail(error)

    def _end(self, reason: Any) -> None:
        if isinstance(reason, str) and reason:
            self._ended = True
            self._finish = _FINISHES.get(reason) or ("error" if is_failed_end(reason) else "stop")
            if self._finish == "error":
                self.fail(reason)

    @property
    def usable(self) -> bool:
        """A message may be empty, if it says why it ended."""
        body = self._folded() if self.streaming else self._whole().json()
        if not isinstance(body, dict) or not isinstance(body.get("content"), list):
            return False
        return any(rows_of(body["content"])) or bool(text_of(body.get("stop_reason")))

    def _folded(self) -> Json | None:
        """Returns the message that a stream makes so far, None if it makes none."""
        try:
            return anthropic_whole.whole(body for chunk in self._chunks() if isinstance(body := chunk.json(), dict))
        except ValueError:
            return None

    @property
    def ended(self) -> bool:
        return self._stopped

    @property
    def complete(self) -> bool:
        self._read()
        return self._ended and self._stopped and not self._error

    def gather(self, body: Json) -> None:
        kind, index = body.get("type"), body.get("index")
        place = index if isinstance(index, int) else 0
        if kind == "content_block_delta":
            self._gather_delta(body.get("delta"), place)
        elif kind == "content_block_start":
            self._gather_block(body.get("content_block"), place, whole=False)
        elif kind == "content_block_stop":
            self._close(place)
        else:
            for position, block in enumerate(rows_of(body.get("content"))):
                self._gather_block(block, position, whole=True)

    def _gather_block(self, block: Any, place: int, *, whole: bool) -> None:
        if not isinstance(block, dict):
            return
        kind = text_of(block.get("type"))
        if kind in CALLS:
            given = block.get("input", {})
            arguments = json_text(given) if given or whole else ""
            self.add_call(place, name=block.get("name"), arguments=arguments, id=block.get("id"))
            if arguments:
                self._given.add(place)
        else:
            self.add_text(block.get("text"))
            self.add_reasoning(block.get("thinking"))

    def _gather_delta(self, delta: Any, place: int) -> None:
        if not isinstance(delta, dict):
            return
        self.add_text(delta.get("text"))
        self.add_reasoning(delta.get("thinking"))
        if piece := text_of(delta.get("partial_json")):
            if place in self._given:  # if pieces follow, they replace the input in the start
                self._given.discard(place)
                self._calls[place][1] = ""
            self.add_call(place, arguments=piece)

    def _close(self, place: int) -> None:
        if place in self._calls and not self._calls[place][1]:
            self._calls[place][1] = "{}"


class AnthropicCount(AnthropicGeneric):
    """The dialect of requests that only count tokens."""

    name: ClassVar[str] = "anthropic-count"

    def asked(self, request: Request, api: str) -> Asked:
        return CountView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        anthropic_view.insert(document, turns, where)

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))


class AnthropicMessages:
    """The dialect of Anthropic's Messages API. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "anthropic-messages"
    convertible: ClassVar[bool] = True
    marks_end: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True
    request_id_header: ClassVar[str] = "request-id"

    def asked(self, request: Request, api: str) -> Asked:
        return MessagesView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        anthropic_view.insert(document, turns, where)

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> MessagesReader:
        return MessagesReader(streaming=streaming, provider=provider)

    def tells_only_usage(self, event: Chunk) -> bool:
        return False

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        return b""

    def opens(self, event: Chunk) -> bool:
        body = event.json()
        kind = type_of(event)
        if kind == "content_block_start":
            block = body.get("content_block")
            return not isinstance(block, dict) or (block.get("type") in ("text", "thinking") and not _has_text(block))
        if kind == "content_block_delta":
            delta = body.get("delta")
            return not isinstance(delta, dict) or not any(value for name, value in delta.items() if name != "type")
        return kind != "message_stop" and not _is_failed_end(body) and failure_in_event(event) is None

    def speaks(self, raw: bytes) -> bool:
        return False

    def is_last(self, batch: Batch) -> bool:
        """Some providers send `[DONE]` after the last event, which is ignored here."""
        return _STOP in raw_of(batch) and any(
            _STOP in chunk.raw and type_of(chunk) == "message_stop" for chunk in batch
        )

    def write(self, chunk: Chunk, text: str) -> Chunk:
        body = chunk.json()
        if not isinstance(body, dict):
            return chunk
        for name in ("delta", "content_block"):
            if isinstance(part := body.get(name), dict) and _has_text(part):
                return rewritten(chunk, {**body, name: {**part, "text": text}})
        blocks = body.get("content")
        if not isinstance(blocks, list) or not any(map(_has_text, blocks)):
            return chunk
        return rewritten(chunk, {**body, "content": _with_text(blocks, text)})

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        return list(anthropic_texts.texts(chunk.json()))

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        return rewrite(chunk, texts)

    def whole(self, events: Iterable[Chunk]) -> bytes:
        bodies = (body for event in events if isinstance(body := event.json(), dict))
        return encoded(anthropic_whole.whole(bodies))

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        yield from map(typed_event, anthropic_whole.pieces(object_of(body)))

    def writer(self, asked: Asked, id: str, created: int) -> Writer:
        return MessagesWriter(asked.model, id, size=asked.size)

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        return MessagesEnd()

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return _GENERIC.error(error, request_id)

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        return b""

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return _GENERIC.error_event(error, request_id)


def _is_failed_end(body: Any) -> bool:
    delta = body.get("delta") if isinstance(body, dict) else None
    return isinstance(delta, dict) and is_failed_end(text_of(delta.get("stop_reason")))


def _has_text(block: Any) -> bool:
    return isinstance(block, dict) and bool(text_of(block.get("text")))


def _with_text(blocks: Iterable[Any], text: str) -> list[Any]:
    """Returns the blocks with `text` in the first text block, and without the other text blocks."""
    kept: list[Any] = []
    written = False
    for block in blocks:
        if not _has_text(block):
            kept.append(block)
        elif not written:
            kept.append({**block, "text": text})
            written = True
    return kept

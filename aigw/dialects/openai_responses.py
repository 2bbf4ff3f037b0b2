"""OpenAI's Responses API, which agents such as Codex use.

Rules of the wire: a stream begins with `response.created`, and ends with `response.completed`, `.incomplete`, `.failed`
or, at some providers, `.cancelled`. The last event has the whole response again, including usage. Between them, each
output item is added, grows with deltas, and is complete in `response.output_item.done`. Some providers send no deltas,
some send no items in the last event. With calls, the status is "completed" too. An `error` event, or an event
`{"error": ...}`, also ends a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from aigw.core.answer import AnswerText, BreakingOff, Writer
from aigw.core.dialect import Asked, Said, TextPlace, Where
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk, Request, raw_of
from aigw.core.tokens import Tokens
from aigw.dialects import openai_responses_text, openai_responses_texts, openai_responses_view, openai_responses_whole
from aigw.dialects.answer_texts import rewrite
from aigw.dialects.breaking_off import ResponseEnd
from aigw.dialects.failures import MARKS, failure_in, failure_in_event
from aigw.dialects.generic import Generic
from aigw.dialects.json_edit import put
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.openai_error import error_body
from aigw.dialects.openai_responses_view import CountView, ResponsesView, call_of, is_call
from aigw.dialects.openai_responses_writer import ResponsesWriter
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.sse import rewritten
from aigw.dialects.typed_event import type_of, typed_event
from aigw.dialects.view import rows_of, text_of

_LAST = (b'"response.completed"', b'"response.incomplete"', b'"response.failed"', b'"response.cancelled"')
_FAILED = ("failed", "cancelled")
_UNFINISHED = ("queued", "in_progress", "incomplete")
"""The statuses of a response that may have no output."""
_SAYING = (b'.delta"', b'.done"')
"""An event with something of the output contains one of these."""
_EMPTY = re.compile(rb'"item":\s*\{\s*\}')
_CLIENT_CALLS = (
    "function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call",
)  # fmt: skip
"""The types of calls that the client must run."""
_REASONING_DELTAS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_CALL_DELTAS = (
    "response.function_call_arguments.delta", "response.custom_tool_call_input.delta",
    "response.mcp_call_arguments.delta", "response.code_interpreter_call_code.delta",
)  # fmt: skip
_JSON_DELTAS = ("response.function_call_arguments.delta", "response.mcp_call_arguments.delta")
_OPENING = ("response.created", "response.in_progress", "response.queued", "keepalive", "ping")
_CALLS_DONE = {"response.function_call_arguments.done": "arguments", "response.custom_tool_call_input.done": "input"}

_Key = tuple[int, str]
"""The index and the id of an output item. Some providers send only one of them."""
_ITEM = -1


class ResponsesReader(AnswerReader):
    """Reads an answer. The marks contain quotes, which are escaped inside a text, so that a text never contains a whole
    mark. An event whose text ends in `_call` is decoded without need."""

    MARKS = (*_LAST, b'_call"')
    __slots__ = ("_called", "_hollow", "_parted", "_status", "_told")

    def __init__(self, *, streaming: bool, provider: str = "") -> None:
        super().__init__(streaming=streaming, provider=provider)
        self._called = False
        self._hollow = False
        """Whether it says that it is complete, and has nothing in it."""
        self._parted = False
        """Whether an item of its output is not whole."""
        self._status = ""
        self._told: set[tuple[_Key, int]] = set()
        """The parts of items whose text was taken already. A whole item has the part number _ITEM."""

    def tells(self, raw: bytes) -> bool:
        errors = raw.count(b'"error"')
        if errors and errors > raw.count(b'"error":null') + raw.count(b'"error": null'):
            return True
        if b'"type"' not in raw and any(mark in raw for mark in MARKS):
            return True
        return super().tells(raw)

    def take_event(self, body: Json) -> None:
        kind, response = text_of(body.get("type")), body.get("response")
        if isinstance(response, dict):
            self._take(response, kind.removeprefix("response."))
        elif isinstance(item := body.get("item"), dict):
            self._note_call(item)
        elif (error := failure_in(body)) is not None:
            self.fail(error)
        else:
            self._take({}, kind.removeprefix("response."))  # an event of an end may come without the response
        if self._hollow:
            self._hollow = not any(map(_has_output, self._chunks()))

    def take_body(self, body: Json) -> None:
        self._take(body, text_of(body.get("status")))
        if not self._error and "output" not in body and (error := failure_in(body)) is not None:
            self.fail(error)

    def _take(self, response: Json, status: str) -> None:
        self._usage.take(response)
        self._status = status
        output = rows_of(response.get("output"))
        self._hollow = status == "completed" and not any(output)
        for item in output:
            self._note_call(item)
        if status == "completed":
            self._finish = "tool_calls" if self._called else "stop"
        elif status == "incomplete":
            details = response.get("incomplete_details")
            filtered = isinstance(details, dict) and details.get("reason") == "content_filter"
            self._finish = "content_filter" if filtered else "length"
        elif status in _FAILED:
            self._finish = "error"
        if response.get("error") or status in _FAILED:
            self.fail(
                response.get("error") or {"message": "the response was cancelled" if status == "cancelled" else ""}
            )

    def _note_call(self, item: Json) -> None:
        self._called = self._called or item.get("type") in _CLIENT_CALLS
        self._parted = self._parted or item.get("status") == "incomplete"

    @property
    def usable(self) -> bool:
        if self.streaming:
            return not self._hollow
        body = self._whole().json()
        return isinstance(body, dict) and (any(rows_of(body.get("output"))) or body.get("status") in _UNFINISHED)

    @property
    def ended(self) -> bool:
        return self._status in ("completed", "incomplete", *_FAILED)

    @property
    def complete(self) -> bool:
        self._read()
        return self._status in ("completed", "incomplete") and not self._error and not self._hollow

    @property
    def repeatable(self) -> bool:
        return super().repeatable and not self._parted

    def gather(self, body: Json) -> None:
        response, item = body.get("response", body), body.get("item")
        kind = text_of(body.get("type"))
        if isinstance(item, dict):
            self._gather_item(item, _key(body, item.get("id")), done=kind.endswith(".done"))
        elif kind and response is body:
            self._gather_piece(kind, body, _key(body, body.get("item_id")))
        elif isinstance(response, dict) and not self._told:
            for index, each in enumerate(rows_of(response.get("output"))):
                self._gather_item(each, (index, text_of(each.get("id"))), done=True)

    def _gather_piece(self, kind: str, body: Json, key: _Key) -> None:
        """Takes a delta, or a whole text if there were no deltas of it."""
        fresh = (key, _ITEM) not in self._told
        if kind in _REASONING_DELTAS:
            self.add_reasoning(body.get("delta"))
        elif kind in _CALL_DELTAS:
            self.add_call(key, arguments=body.get("delta"), free=kind not in _JSON_DELTAS)
        elif kind in _CALLS_DONE:
            self.add_call(key, arguments=body.get(_CALLS_DONE[kind]) if fresh else None)
        elif not self._gather_part(kind, body, key):
            return
        self._told.add((key, _ITEM))

    def _gather_part(self, kind: str, body: Json, key: _Key) -> bool:
        """Takes the text of an event, unless it was taken before. Returns whether there was a new text."""
        index = body.get("content_index")
        place = (key, index if isinstance(index, int) else 0)
        if place in self._told and not kind.endswith(".delta"):
            return False
        found = [text for _, text in openai_responses_text.texts(body)]
        for text in found:
            self.add_text(text)
        self._told.update([place] if found else [])
        return bool(found)

    def _gather_item(self, item: Json, key: _Key, *, done: bool) -> None:
        kind = text_of(item.get("type"))
        fresh = done and (key, _ITEM) not in self._told
        if is_call(kind):
            call = call_of(item)
            given, free = call.arguments if fresh else None, "arguments" not in item
            self.add_call(key, name=call.name, arguments=given, id=call.id, free=free)
        elif fresh:
            for _, text in openai_responses_text.item_texts((), item):
                self.add_text(text)
            for part in (*rows_of(item.get("summary")), *rows_of(item.get("content"))) if kind == "reasoning" else ():
                self.add_reasoning(part.get("text"))
        if done:
            self._told.add((key, _ITEM))


def _has_output(event: Chunk) -> bool:
    """Whether an event has a part of the output. An item without any field does not count."""
    if not any(mark in event.raw for mark in _SAYING):
        return False
    if not _EMPTY.search(event.raw):
        return True  # without decoding it
    body = event.json()
    return not isinstance(body, dict) or body.get("item") != {}


def _key(body: Json, id: Any) -> _Key:
    index = body.get("output_index")
    return index if isinstance(index, int) else 0, text_of(id)


class OpenAIResponsesCount(Generic):
    """The dialect of requests that only count tokens."""

    name: ClassVar[str] = "openai-responses-count"

    def asked(self, request: Request, api: str) -> Asked:
        return CountView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        openai_responses_view.insert(document, turns, where)


class OpenAIResponses:
    """The dialect of the Responses API. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "openai-responses"
    convertible: ClassVar[bool] = True
    marks_end: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True
    request_id_header: ClassVar[str] = "x-request-id"

    def asked(self, request: Request, api: str) -> Asked:
        return ResponsesView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        openai_responses_view.insert(document, turns, where)

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> ResponsesReader:
        return ResponsesReader(streaming=streaming, provider=provider)

    def tells_only_usage(self, event: Chunk) -> bool:
        return False

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        return b""

    def opens(self, event: Chunk) -> bool:
        body, kind = event.json(), type_of(event)
        if kind == "response.output_item.added":
            item = body.get("item")
            return isinstance(item, dict) and not is_call(text_of(item.get("type"))) and not item.get("content")
        if kind == "response.content_part.added":
            return not any(text for _, text in openai_responses_text.texts(body))
        if kind.endswith(".delta"):
            return not body.get("delta")
        return failure_in_event(event) is None and (kind in _OPENING or not kind.startswith("response."))

    def speaks(self, raw: bytes) -> bool:
        return False

    def is_last(self, batch: Batch) -> bool:
        """Some providers send `[DONE]` after the last event, which is ignored here."""
        raw = raw_of(batch)
        for mark in _LAST:
            if mark in raw and any(type_of(chunk) == mark[1:-1].decode() for chunk in batch if mark in chunk.raw):
                return True
        return False

    def write(self, chunk: Chunk, text: str) -> Chunk:
        body = chunk.json()
        changed = openai_responses_text.written(body, text) if isinstance(body, dict) else None
        return chunk if changed is None else rewritten(chunk, changed)

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        return list(openai_responses_texts.texts(chunk.json()))

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        return rewrite(chunk, texts)

    def whole(self, events: Iterable[Chunk]) -> bytes:
        bodies = (body for event in events if isinstance(body := event.json(), dict))
        return encoded(openai_responses_whole.whole(bodies))

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        yield from map(typed_event, openai_responses_whole.pieces(object_of(body)))

    def writer(self, asked: Asked, id: str, created: int) -> Writer:
        declared = asked.declaration if isinstance(asked, ResponsesView) else _undeclared
        return ResponsesWriter(asked.model, id, created, declared)

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        return ResponseEnd(id)

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return error_body(error)

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        """OpenAI's SDKs want a response to be created before it fails."""
        begun = {"id": f"resp_{request_id}", "object": "response", "status": "in_progress", "output": []}
        created = {"type": "response.created", "sequence_number": 0, "response": begun}
        return typed_event(created).raw + self.error_event(error, request_id)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        """Returns the only error event that Codex understands."""
        what = {"code": _code(error), "message": error.message}
        response = {"id": f"resp_{request_id}", "object": "response", "status": "failed", "error": what, "output": []}
        return typed_event({"type": "response.failed", "response": response}).raw


def _undeclared(name: str) -> tuple[str, str]:
    return "function", ""


def _code(error: GatewayError) -> str:
    """Returns the code of an error. Codex retries a request, except for a few codes. With only one of these,
    `invalid_prompt`, it shows the message."""
    if error.code == "context_length_exceeded":
        return error.code
    if error.status == 429:
        return "rate_limit_exceeded"
    return "server_error" if error.status == 408 or (error.status >= 500 and error.status != 501) else "invalid_prompt"

"""Amazon Bedrock's Converse and ConverseStream, which have one form for the models of all makers. No path of a client
uses it.

Rules of the wire: the path has the model, and whether the answer is a stream. An event is an object with one member, by
which it is named (`aws_events`). `messageStop` says why the answer ended, and `metadata` behind it has the usage. An
error in a stream is a member whose name ends with Exception.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from aigw.core.answer import Finish
from aigw.core.dialect import Asked, Turn
from aigw.core.model import Batch, Chunk, Request, raw_of
from aigw.dialects import apis
from aigw.dialects.generic import Generic
from aigw.dialects.json_values import json_text, object_of
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.sse import json_event
from aigw.dialects.view import RequestView, natural, rows_of, text_of, texts_in

FINISHES: dict[str, Finish] = {
    "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length",
    "model_context_window_exceeded": "length", "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter", "malformed_model_output": "error", "malformed_tool_use": "error",
}  # fmt: skip
_LAST = b'{"metadata":'
_EXCEPTION = "Exception"
STATUSES = {
    "throttlingException": 429, "validationException": 400, "modelStreamErrorException": 424,
    "internalServerException": 500, "serviceUnavailableException": 503, "modelTimeoutException": 408,
}  # fmt: skip


class ConverseView(RequestView):
    PROMPTS = ("messages", "system")

    @property
    def model(self) -> str:
        return apis.converse_model(self._request.path)

    @property
    def stream(self) -> bool:
        return self.api == apis.CONVERSE_STREAM

    @property
    def max_tokens(self) -> int:
        config = self.get("inferenceConfig")
        return natural(config.get("maxTokens")) if isinstance(config, dict) else 0

    @property
    def turns(self) -> Sequence[Turn]:
        said = [Turn("system", tuple(texts_in(self.get("system"))))] if self.get("system") else []
        for message in rows_of(self.get("messages")):
            role = "assistant" if message.get("role") == "assistant" else "user"
            said.append(Turn(role, tuple(_texts(message.get("content")))))  # type: ignore[arg-type]
        return said


def _texts(content: Any) -> Iterator[str]:
    for block in rows_of(content):
        if isinstance(text := block.get("text"), str):
            yield text
        for name in ("toolUse", "toolResult"):
            if isinstance(block.get(name), dict):
                yield json_text(block[name])


def failure_in(body: Json) -> Json | None:
    """Returns the failure that an event reports, with a status that fits. None if it reports none."""
    for name, said in body.items():
        if name.endswith(_EXCEPTION):
            words = text_of(said.get("message")) if isinstance(said, dict) else ""
            return {"message": words or name, "code": name, "status": STATUSES.get(name, 502)}
    return None


class ConverseReader(AnswerReader):
    MARKS = (b'{"messageStop":', _LAST, b'Exception":')
    CALL_MARK = b'"toolUse"'

    __slots__ = ()

    def take_event(self, body: Json) -> None:
        if isinstance(stop := body.get("messageStop"), dict):
            self._stop(stop)
        if isinstance(told := body.get("metadata"), dict):
            self._usage.take(told)
        if (failure := failure_in(body)) is not None:
            self.fail(failure)

    def take_body(self, body: Json) -> None:
        self._usage.take(body)
        self._stop(body)
        if "output" not in body:
            self.fail(body)

    def _stop(self, body: Json) -> None:
        if reason := text_of(body.get("stopReason")):
            self._finish = self._finished[0] = FINISHES.get(reason, "stop")
            if self._finish == "error":
                self.fail(reason)

    @property
    def usable(self) -> bool:
        if self.streaming:
            return any(chunk.data for chunk in self._chunks())
        body = self._whole().json()
        return isinstance(body, dict) and (bool(_content_of(body)) or bool(body.get("stopReason")))

    def gather(self, body: Json) -> None:
        for place, block in enumerate(_content_of(body)):
            self._gather_block(block, place)
        if isinstance(start := body.get("contentBlockStart"), dict) and isinstance(start.get("start"), dict):
            self._gather_block(start["start"], start.get("contentBlockIndex"))
        if isinstance(piece := body.get("contentBlockDelta"), dict) and isinstance(piece.get("delta"), dict):
            self._gather_block(piece["delta"], piece.get("contentBlockIndex"))

    def _gather_block(self, block: Json, place: Any) -> None:
        self.add_text(block.get("text"))
        if isinstance(thought := block.get("reasoningContent"), dict):
            whole = thought.get("reasoningText")
            self.add_reasoning(whole.get("text") if isinstance(whole, dict) else thought.get("text"))
        if isinstance(call := block.get("toolUse"), dict):
            given = call.get("input")
            arguments = given if isinstance(given, str) or given is None else json_text(given)
            self.add_call(place, name=call.get("name"), arguments=arguments, id=call.get("toolUseId"))


def _content_of(body: Json) -> list[Json]:
    """The blocks of a plain answer."""
    output = body.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    return rows_of(message.get("content")) if isinstance(message, dict) else []


class Converse(Generic):
    """The dialect of requests to Bedrock. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "converse"
    convertible: ClassVar[bool] = True
    marks_end: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True
    request_id_header: ClassVar[str] = "x-amzn-requestid"

    def asked(self, request: Request, api: str) -> Asked:
        return ConverseView(request, api)

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> ConverseReader:
        return ConverseReader(streaming=streaming, provider=provider)

    def opens(self, event: Chunk) -> bool:
        body = event.json()
        if not isinstance(body, dict):
            return True
        delta = body.get("contentBlockDelta")
        filled = isinstance(delta, dict) and any((delta.get("delta") or {}).values())
        return not (filled or body.keys() & {"contentBlockStart", "messageStop", "metadata"} or failure_in(body))

    def speaks(self, raw: bytes) -> bool:
        return False

    def is_last(self, batch: Batch) -> bool:
        return _LAST in raw_of(batch)

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        return map(json_event, _pieces(object_of(body)))


def _pieces(body: Json) -> Iterator[Json]:
    """Yields the events of a stream with the same content as the body."""
    if "output" not in body:
        raise ValueError("a body without output")
    yield {"messageStart": {"role": "assistant"}}
    for index, block in enumerate(_content_of(body)):
        call, thought = block.get("toolUse"), block.get("reasoningContent")
        deltas: list[Json] = [block]
        if isinstance(call, dict):
            named = {name: call.get(name) for name in ("toolUseId", "name")}
            yield {"contentBlockStart": {"contentBlockIndex": index, "start": {"toolUse": named}}}
            deltas = [{"toolUse": {"input": json_text(call.get("input") or {})}}]
        elif isinstance(thought, dict) and isinstance(whole := thought.get("reasoningText"), dict):
            deltas = [{"reasoningContent": {name: each}} for name, each in whole.items()]
        for delta in deltas:
            yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": body.get("stopReason")}}
    yield {"metadata": {"usage": body.get("usage")}}

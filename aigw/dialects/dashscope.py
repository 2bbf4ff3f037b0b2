"""DashScope's native generation and embeddings: `{model, input, parameters}` -> `{output, usage, request_id}`.

Rules of the wire: a header asks for a stream. Each event has the usage so far. Unless `parameters.incremental_output`
is set, each event also has the whole text so far, so that only the last one counts. The reason "null" means that a
choice has not ended. An answer is a text or, with `result_format: message`, a list of choices with messages like
OpenAI's; the content of a multimodal model is a list of parts. An error is `{code, message}`, in a stream as
`event:error`. A stream has no event that marks its end.

https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from aigw.core.answer import AnswerText, BreakingOff, Finish
from aigw.core.dialect import Asked, Said, TextPlace, Where
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import dashscope_request, dashscope_texts
from aigw.dialects.answer_texts import rewrite
from aigw.dialects.breaking_off import PlainEnd
from aigw.dialects.cumulative import CumulativeReader
from aigw.dialects.dashscope_request import DashScopeView
from aigw.dialects.dashscope_writer import DashScopeWriter, error_body, error_event
from aigw.dialects.failures import failure_in_event, is_failed_end
from aigw.dialects.json_edit import put
from aigw.dialects.openai_embeddings import EmbeddingsReader
from aigw.dialects.reader import AnswerReader, Json
from aigw.dialects.sse import rewritten
from aigw.dialects.view import index_of, rows_of, text_of

_FINISHES: dict[str, Finish] = {"length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter"}
_GOES_ON = (
    b'"finish_reason":"null"', b'"finish_reason":null', b'"finish_reason": "null"', b'"finish_reason": null',
)  # fmt: skip


class DashScopeReader(CumulativeReader):
    """Reads an answer of generation. If `incremental` is true, each event of a stream has only the new text, else all
    of it."""

    MARKS = (b'"code"',)
    USAGE = b'_tokens"'

    __slots__ = ("_last", "incremental")

    def __init__(self, choices: int = 1, *, incremental: bool = True, streaming: bool, provider: str = "") -> None:
        super().__init__(choices, streaming=streaming, provider=provider)
        self.incremental = incremental or not streaming
        self._last: Chunk | None = None

    def feed(self, batch: Batch) -> None:
        super().feed(batch)
        if not self.incremental:
            self._kept.clear()
            self._last = next((chunk for chunk in reversed(batch) if b'"output"' in chunk.raw), self._last)

    def marks(self, raw: bytes) -> bool:
        ends = raw.count(b'"finish_reason"')
        if ends and ends > sum(map(raw.count, _GOES_ON)):
            return True
        return super().marks(raw)

    def take_event(self, body: Json) -> None:
        output = body.get("output")
        for position, choice in enumerate(choices_of(output)):
            if reason := reason_of(choice.get("finish_reason")):
                self._finish = _FINISHES.get(reason) or ("error" if is_failed_end(reason) else "stop")
                self._finished[index_of(choice, position)] = self._finish
                if self._finish == "error":
                    self.fail(reason)
        if not isinstance(output, dict) or not output:
            self.fail(body)

    def take_body(self, body: Json) -> None:
        self._usage.take(body)
        self.take_event(body)

    @property
    def usable(self) -> bool:
        if not self.streaming:
            return _answers(self._whole())
        return any(map(_answers, self._chunks() if self.incremental else filter(None, (self._last,))))

    @property
    def share(self) -> float:
        return super().share if self.incremental else 1.0

    def _gather(self) -> None:
        if self.incremental:
            super()._gather()
        elif self._last is not None and isinstance(body := self._last.json(), dict):
            self._text, self._reasoning, self._calls = {}, {}, {}
            self.gather(body)

    def gather(self, body: Json) -> None:
        for position, choice in enumerate(choices_of(body.get("output"))):
            index = index_of(choice, position)
            self.add_text(choice.get("text"), index)
            if isinstance(message := choice.get("message"), dict):
                self.add_text(content_text(message.get("content")), index)
                self.add_reasoning(message.get("reasoning_content"), index)
                self._gather_calls(message, index)

    def _gather_calls(self, message: Json, index: int) -> None:
        for position, call in enumerate(rows_of(message.get("tool_calls"))):
            if isinstance(function := call.get("function"), dict):
                key = (index, index_of(call, position))
                self.add_call(key, name=function.get("name"), arguments=function.get("arguments"), id=call.get("id"))


def _answers(chunk: Chunk) -> bool:
    """Whether a body or an event has a choice in which clients find something."""
    body = chunk.json()
    return isinstance(body, dict) and any(map(_is_choice, choices_of(body.get("output"))))


def _is_choice(choice: Json) -> bool:
    """Whether a choice has a content, or a message or text with a reason why there is nothing in it. A content filter
    may leave nothing but its reason."""
    message, reason = choice.get("message"), reason_of(choice.get("finish_reason"))
    if not isinstance(message, dict | None):
        return False
    said: Json = {"text": choice.get("text")} if message is None else message
    names = ("text", "content", "reasoning_content", "tool_calls")
    if any(said.get(name) for name in names) or reason == "content_filter" or is_failed_end(reason):
        return True
    return bool(reason) and any(value is not None for value in said.values())


class _Embedded(msgspec.Struct):
    """The fields of embeddings that are read. The vectors are not decoded, because they are large."""

    output: msgspec.Raw = msgspec.Raw()
    usage: Any = None
    code: Any = None
    message: Any = None


_decode_embedded = msgspec.json.Decoder(_Embedded).decode


class DashScopeEmbeddingsReader(EmbeddingsReader):
    __slots__ = ()

    def _read(self) -> None:
        if self._undecoded:
            self._undecoded = self._has_data = False
            try:
                body = _decode_embedded(self._whole().raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self._read_slowly()
                return
            self._has_data = b'"embedding"' in bytes(body.output)
            self._usage.take({"usage": body.usage})
            if bytes(body.output) in (b"", b"null", b"{}"):
                self.fail({"code": body.code, "message": body.message})


class DashScope:
    """A `core.dialect.Dialect`. `reader` needs the view of the request that DashScope got, because that says whether
    the stream is incremental."""

    name: ClassVar[str] = "dashscope"
    convertible: ClassVar[bool] = False
    marks_end: ClassVar[bool] = False
    repeatable: ClassVar[bool] = True
    request_id_header: ClassVar[str] = "x-request-id"

    def asked(self, request: Request, api: str) -> Asked:
        return DashScopeView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        dashscope_request.insert(document, turns, where)

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> AnswerReader:
        if not asked.generates:
            return DashScopeEmbeddingsReader(streaming=streaming, provider=provider)
        incremental = asked.incremental if isinstance(asked, DashScopeView) else True
        return DashScopeReader(asked.choices, incremental=incremental, streaming=streaming, provider=provider)

    def tells_only_usage(self, event: Chunk) -> bool:
        return False

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        """Returns b"": streams always have their usage."""
        return b""

    def opens(self, event: Chunk) -> bool:
        """An event whose choices have neither a text nor a reason for the end."""
        return failure_in_event(event) is None and not _answers(event)

    def speaks(self, raw: bytes) -> bool:
        return False

    def is_last(self, batch: Batch) -> bool:
        """Returns False: a stream has no event that marks its end."""
        return False

    def write(self, chunk: Chunk, text: str) -> Chunk:
        body = chunk.json()
        output = body.get("output") if isinstance(body, dict) else None
        made = _with_text(output, text) if isinstance(output, dict) else None
        return chunk if made is None else rewritten(chunk, {**body, "output": made})

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        incremental = isinstance(asked, DashScopeView) and asked.incremental
        return list(dashscope_texts.texts(chunk.json(), incremental=incremental))

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        return rewrite(chunk, texts)

    def whole(self, events: Iterable[Chunk]) -> bytes:
        raise ValueError("a stream of DashScope's has no plain form that is known")

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        raise ValueError("an answer of DashScope's has no stream that is known")

    def writer(self, asked: Asked, id: str, created: int) -> DashScopeWriter:
        if isinstance(asked, DashScopeView):
            return DashScopeWriter(id, form=asked.form, incremental=asked.incremental)
        return DashScopeWriter(id)

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        return PlainEnd(self.writer(asked, id, created))

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return error_body(error, request_id)

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        return b""

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return error_event(error, request_id)


def choices_of(output: Any) -> list[Json]:
    """Returns the choices of an answer. If the answer is a text, returns one choice with this text."""
    if not isinstance(output, dict):
        return []
    return rows_of(output.get("choices")) or [output]


def reason_of(reason: Any) -> str:
    """Returns why a choice ended, "" if it has not."""
    return "" if reason == "null" else text_of(reason)


def content_text(content: Any) -> str:
    """Returns the text of a content, which is a text or a list of parts."""
    parts = content if isinstance(content, list) else [{"text": content}]
    return "".join(text_of(part.get("text")) for part in parts if isinstance(part, dict))


def _with_text(output: Json, text: str) -> Json | None:
    """Returns the output with `text` as the text of its first choice, None if it has no text."""
    choices = output.get("choices")
    if not isinstance(choices, list) or not choices:
        return {**output, "text": text} if text_of(output.get("text")) else None
    message = choices[0].get("message") if isinstance(choices[0], dict) else None
    if not isinstance(message, dict) or not content_text(content := message.get("content")):
        return None
    made: Any = text
    if isinstance(content, list):
        others = [part for part in content if not (isinstance(part, dict) and "text" in part)]
        made = [{"text": text}, *others]
    return {**output, "choices": [{**choices[0], "message": {**message, "content": made}}, *choices[1:]]}

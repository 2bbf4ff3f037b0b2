"""Gemini's generateContent and streamGenerateContent.

Rules of the wire: a stream is a sequence of objects in the form of the plain answer. They are in `data:` lines only or,
without `alt=sse`, in one JSON array. Each object has only the new parts, and the usage so far. A call is never split.
The last object has `finishReason`. No event marks the end of a stream; a comment, an `event:` line or [DONE] breaks
Google's SDK. An error is `{"error": {code, message, status}}`, which may be inside an array, and in a stream of events
is in no `data:` line. Answers use only camelCase.

Whether the answer is a stream is part of the path. `Asked.unrepeatable` excludes requests for arrays from a cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import is_
from typing import Any, ClassVar

from aigw.core.answer import AnswerText, BreakingOff, Finish
from aigw.core.dialect import Asked, Said, TextPlace, Where
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import gemini_edit, gemini_texts, gemini_whole
from aigw.dialects.answer_texts import rewrite
from aigw.dialects.array_elements import leading_elements
from aigw.dialects.breaking_off import PlainEnd
from aigw.dialects.cumulative import CumulativeReader, objects_of
from aigw.dialects.errors import gemini_error, gemini_error_event
from aigw.dialects.failures import failure_in, failure_in_event
from aigw.dialects.gemini_request import GeminiView, arguments_of, parts_of, unsigned
from aigw.dialects.gemini_writer import GeminiWriter
from aigw.dialects.json_values import encoded
from aigw.dialects.reader import Json
from aigw.dialects.sse import json_event, rewritten
from aigw.dialects.view import index_of, rows_of, text_of

_ANSWER = frozenset(("candidates", "promptFeedback", "usageMetadata", "error"))
"""An object of a stream has one of these fields. Others are a provider's notes."""
_LENGTH = frozenset(("MAX_TOKENS", "CONTINUATION"))
_FILTERED = frozenset(
    ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
     "PUP_LIMITED_DISABLED")
)  # fmt: skip
"""Reasons of a content filter, in addition to those that begin with IMAGE_."""
_FAILED = frozenset(
    ("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
     "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE")
)  # fmt: skip
_UNSPECIFIED = ("", "FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED")


class GeminiReader(CumulativeReader):
    MARKS = (b'Reason"', b'"error', b'"functionCall"', b'"base_resp"')
    """The marks of finishReason, blockReason, errors and calls. Calls are needed because a candidate with a call ends
    with the reason STOP."""
    USAGE = b'TokenCount"'

    __slots__ = ("_called", "_cut")

    def __init__(self, choices: int = 1, *, streaming: bool, provider: str = "") -> None:
        super().__init__(choices, streaming=streaming, provider=provider)
        self._called = False
        self._cut = False

    def bodies(self) -> list[Json]:
        """Returns the objects of the body. If an array was cut off, returns the complete objects."""
        whole = self._whole()
        body = whole.json()
        if body is None and whole.raw.lstrip().startswith(b"["):
            self._cut = True
            body = leading_elements(whole.raw)
        return objects_of(body)

    def take_body(self, body: Json) -> None:
        self._usage.take(body)
        self.take_event(body)

    def take_event(self, body: Json) -> None:
        for position, candidate in enumerate(rows_of(body.get("candidates"))):
            self._called = self._called or any("functionCall" in part for part in parts_of(candidate))
            reason = text_of(candidate.get("finishReason")).upper()
            if reason not in _UNSPECIFIED:
                self._finish = self._finished[index_of(candidate, position)] = finish_of(reason)
                if self._finish == "error":
                    self.fail(text_of(candidate.get("finishMessage")) or reason)
        if is_blocked(body):
            self._choices = 0  # none will come
            self._finish = "content_filter"
        if (error := failure_in(body)) is not None:
            self.fail(error)

    @property
    def finish(self) -> Finish:
        self._read()
        return "tool_calls" if self._called and self._finish == "stop" else self._finish

    @property
    def usable(self) -> bool:
        bodies = self.bodies() if not self.streaming else [b for c in self._chunks() for b in objects_of(c.json())]
        return any(map(_answers, bodies))

    @property
    def ended(self) -> bool:
        return super().ended and not self._cut

    @property
    def complete(self) -> bool:
        return super().complete and not self._cut

    def _gather(self) -> None:
        if self.streaming:
            super()._gather()
        elif not self._gathered:
            self._gathered = 1
            bodies = self.bodies()
            for body in bodies:
                self.gather(body)
            if not bodies:
                self._garbled = self._kept_size

    def gather(self, body: Json) -> None:
        for position, candidate in enumerate(rows_of(body.get("candidates"))):
            index = index_of(candidate, position)
            for part in parts_of(candidate):
                if part.get("thought") is True:
                    self.add_reasoning(part.get("text"), index)
                else:
                    self.add_text(part.get("text"), index)
                if isinstance(call := part.get("functionCall"), dict):
                    self.add_call(
                        len(self._calls), name=call.get("name"), arguments=arguments_of(call), id=call.get("id")
                    )


class Gemini:
    """The dialect of Gemini's API. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "gemini"
    convertible: ClassVar[bool] = True
    marks_end: ClassVar[bool] = False
    repeatable: ClassVar[bool] = True
    request_id_header: ClassVar[str] = "x-request-id"

    def asked(self, request: Request, api: str) -> Asked:
        return GeminiView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        gemini_edit.insert(document, turns, where)

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        gemini_edit.replace(document, texts)

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> GeminiReader:
        return GeminiReader(asked.choices, streaming=streaming, provider=provider)

    def tells_only_usage(self, event: Chunk) -> bool:
        return False

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        """Returns b"": streams always have their usage."""
        return b""

    def opens(self, event: Chunk) -> bool:
        """An object with neither a part nor a reason for the end."""
        return failure_in_event(event) is None and not any(map(_answers, objects_of(event.json())))

    def speaks(self, raw: bytes) -> bool:
        return False

    def is_last(self, batch: Batch) -> bool:
        """Returns False: a stream has no event that marks its end."""
        return False

    def write(self, chunk: Chunk, text: str) -> Chunk:
        """Replaces the text. In an array, the first text is replaced, and the others become empty."""
        body = chunk.json()
        given: list[Any] = body if isinstance(body, list) else [body]
        made: list[Any] = []
        for each in given:
            other = _with_text(each, text)
            made.append(each if other is None else other)
            text = text if other is None else ""
        if all(map(is_, given, made)):
            return chunk
        return rewritten(chunk, made if isinstance(body, list) else made[0])

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        return list(gemini_texts.texts(chunk.json()))

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        return rewrite(chunk, texts)

    def whole(self, events: Iterable[Chunk]) -> bytes:
        bodies = [body for event in events for body in objects_of(event.json())]
        return encoded(gemini_whole.whole(body for body in bodies if body.keys() & _ANSWER))

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        """All events have usage, whether it was asked for or not. An array is a stream already."""
        answer = Chunk(body, body).json()
        if not isinstance(answer, dict | list):
            raise ValueError("the answer is not a JSON object")
        return map(json_event, objects_of(answer) if isinstance(answer, list) else gemini_whole.pieces(answer))

    def writer(self, asked: Asked, id: str, created: int) -> GeminiWriter:
        return GeminiWriter(asked.model, id, array=isinstance(asked, GeminiView) and asked.array)

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        return PlainEnd(self.writer(asked, id, created))

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return gemini_error(error)

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        return b""

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return gemini_error_event(error)


def finish_of(reason: str) -> Finish:
    """Returns the reason in OpenAI's words. An unknown reason is taken as a normal end."""
    if reason in _FILTERED or reason.startswith("IMAGE_"):
        return "content_filter"
    return "length" if reason in _LENGTH else "error" if reason in _FAILED else "stop"


def _with_text(body: Any, text: str) -> Json | None:
    """Returns the object with `text` as the text of its first candidate, without the signature of the old text. None if
    there is no text."""
    candidates = body.get("candidates") if isinstance(body, dict) else None
    if not isinstance(candidates, list) or not candidates or not isinstance(first := candidates[0], dict):
        return None
    parts: list[Json] = []
    texts: list[str] = []
    for part in parts_of(first):
        if part.get("thought") is True or not text_of(part.get("text")):
            parts.append(part)
            continue
        if not texts:
            parts.append({**unsigned(part), "text": text})
        texts.append(part["text"])
    if not texts:
        return None
    if "".join(texts) == text:
        return body  # type: ignore[no-any-return]
    return {**body, "candidates": [{**first, "content": {**first["content"], "parts": parts}}, *candidates[1:]]}


def names_reason(reason: str) -> bool:
    """Whether a text is a reason in Gemini's form, in capital letters."""
    return reason not in _UNSPECIFIED


def is_blocked(body: Json) -> bool:
    """Whether the prompt was refused, so that no candidate will come."""
    feedback = body.get("promptFeedback")
    return isinstance(feedback, dict) and text_of(feedback.get("blockReason")).upper() not in _UNSPECIFIED


def _answers(body: Json) -> bool:
    """Whether an object has a part of an answer, a reason for its end, or a refusal."""
    candidates = rows_of(body.get("candidates"))
    return is_blocked(body) or any(
        text_of(each.get("finishReason")).upper() not in _UNSPECIFIED or any(map(_has_content, parts_of(each)))
        for each in candidates
    )


def _has_content(part: Json) -> bool:
    """Whether a part has more than an empty text."""
    return any(value for name, value in part.items() if name != "thought")

"""OpenAI's chat completions, the format of all "OpenAI-compatible" providers.

Rules of the wire: a stream is `data:` lines of chunks with `choices[].delta`. Each choice ends with one
`finish_reason`, and `data: [DONE]` ends the stream. `stream_options.include_usage` adds a chunk with `choices: []` that
only has usage. An error may come as an event `{"error": ...}` in a stream with status 200, alone or (OpenRouter) beside
choices. Reasoning is in `reasoning_content` (DeepSeek, Qwen, Kimi) or in `reasoning` (vLLM, Ollama, OpenRouter)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from aigw.core.answer import AnswerText, BreakingOff, Finish, ToolCall, Writer
from aigw.core.dialect import Asked, Role, Said, TextPlace, Tool, Turn, Where
from aigw.core.document import Document
from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Burst, Chunk, Request
from aigw.core.pace import LARGE
from aigw.core.tokens import Tokens
from aigw.dialects import openai_chat_texts, openai_chat_whole
from aigw.dialects.answer_texts import rewrite
from aigw.dialects.breaking_off import PlainEnd
from aigw.dialects.failures import MARKS, failure_in, failure_in_event, is_failed_end, may_fail
from aigw.dialects.json_edit import place_of, put
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.openai_chat_bursts import ends_in, going_on, only_goes_on
from aigw.dialects.openai_chat_calls import CallNumbers, content_of
from aigw.dialects.openai_chat_request import objects_of
from aigw.dialects.openai_chat_writer import ChatWriter, usage_of
from aigw.dialects.openai_error import error_body, error_event
from aigw.dialects.reader import MOST_TELLING, AnswerReader, Json
from aigw.dialects.sse import EventSplitter, json_event, rewritten
from aigw.dialects.view import RequestView, index_of, natural, rows_of, text_of
from aigw.higress.values import truthy

DONE_DATA = b"[DONE]"
"""The data of the last event of a stream."""
DONE = b"data: " + DONE_DATA + b"\n\n"

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "assistant": "assistant", "tool": "tool", "function": "tool",
}  # fmt: skip
_FINISHES: dict[str, Finish] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls",
    "content_filter": "content_filter",
}  # fmt: skip


class CompletionsView(RequestView):
    """The common parts of requests for chat and text completions."""

    @property
    def wants_usage(self) -> bool:
        options = self.get("stream_options")
        return isinstance(options, dict) and truthy(options.get("include_usage"))

    @property
    def choices(self) -> int:
        return natural(self.get("n")) or 1

    @property
    def unrepeatable(self) -> str:
        choices = self.get("n")
        if choices not in (None, 1) and not (isinstance(choices, int) and self.get("temperature") == 0):
            return super().unrepeatable or "n"
        return super().unrepeatable


class ChatView(CompletionsView):
    PROMPTS = ("messages",)
    LIMITS = ("max_completion_tokens", "max_tokens")

    @property
    def turns(self) -> Sequence[Turn]:
        return self.objects("messages", turn_of)

    @property
    def places(self) -> Sequence[TextPlace]:
        messages = self.get("messages")
        found: list[TextPlace] = []
        for index, message in enumerate(messages if isinstance(messages, list) else ()):
            if isinstance(message, dict):
                role = _ROLES.get(text_of(message.get("role")), "user")
                content, path = message.get("content"), ("messages", index, "content")
                if isinstance(content, str):
                    found.append(TextPlace(path, content, role))
                else:
                    found += content_places(path, content, role)
        return found

    @property
    def tools(self) -> Sequence[Tool]:
        functions = [tool.get("function") for tool in rows_of(self.get("tools"))]
        return [
            Tool(text_of(each.get("name")), each.get("parameters"), text_of(each.get("description")))
            for each in functions
            if isinstance(each, dict)
        ]

    @property
    def tool_choice(self) -> str:
        choice = self.get("tool_choice")
        if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
            return text_of(choice["function"].get("name"))
        return choice if choice in ("required", "none") else ""


def turn_of(message: Json) -> Turn:
    """Returns a message of a chat as a turn."""
    role, content = _ROLES.get(text_of(message.get("role")), "user"), message.get("content")
    calls = [
        ToolCall(text_of(said[0]), text_of(said[1]), text_of(call.get("id")))
        for call in rows_of(message.get("tool_calls"))
        if (said := content_of(call)) is not None
    ]
    if isinstance(one := message.get("function_call"), dict):
        calls.append(ToolCall(text_of(one.get("name")), text_of(one.get("arguments"))))
    texts = (content,) if isinstance(content, str) else tuple(p.text for p in content_places((), content, role))
    results = role == "tool"
    answers = (text_of(message.get("tool_call_id")),) * len(texts) if results else ()
    return Turn(role, texts, text_of(message.get("name")), tuple(calls), results, answers)


def content_places(path: tuple[str | int, ...], content: Any, role: Role) -> Iterator[TextPlace]:
    """Yields the texts of a content, which is a text or a list of parts with `text`."""
    if isinstance(content, str):
        yield TextPlace(path, content, role)
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict) and isinstance(text := part.get("text"), str):
            yield TextPlace((*path, index, "text"), text, role)


class CompletionsReader(AnswerReader):
    """Reads answers of chat and text completions, whose choices end in the same way."""

    __slots__ = ("_details", "_numbers", "usage_events")

    def __init__(self, choices: int = 1, *, streaming: bool, provider: str = "") -> None:
        super().__init__(choices, streaming=streaming, provider=provider)
        self._numbers: dict[int, CallNumbers] = {}
        self.usage_events: deque[Chunk] = deque(maxlen=MOST_TELLING)
        """The last events that only report usage. A normal stream has one."""
        self._details: list[Json] = []

    def tells(self, raw: bytes) -> bool:
        if raw.count(b"data:") > raw.count(b'"choices"') + raw.count(DONE_DATA) or raw.count(b'"base_resp"'):
            for mark in MARKS:
                if mark in raw:
                    return True
        return ends_in(raw) > 0 or raw.count(b'"error') > 0 or super().tells(raw)

    def telling_of(self, batch: Batch, raw: bytes) -> Sequence[Chunk]:
        if self._choices != 1 or type(batch) is not Burst or len(raw) > LARGE or raw.count(b'"error'):
            return super().telling_of(batch, raw)
        if only_goes_on(raw):
            return ()
        at = going_on(raw)
        return [chunk for chunk in batch.behind(at) if self.tells(chunk.raw)] if at < len(raw) else ()

    def take_event(self, body: Json) -> None:
        if not self._take(body) and _is_usage(body):
            self.usage_events.append(self.telling[-1])
        elif not self._error and (named := failure_in_event(self.telling[-1])) is not None:
            self.fail(named)

    def take_body(self, body: Json) -> None:
        self._take(body)

    def _take(self, body: Json) -> bool:
        """Returns whether it is a failure."""
        self._usage.take(body)
        for position, choice in enumerate(rows_of(body.get("choices"))):
            if reason := choice.get("finish_reason"):
                said = text_of(reason)
                self._finish = _FINISHES.get(said) or ("error" if is_failed_end(said) else "stop")
                self._finished[index_of(choice, position)] = self._finish
                if self._finish == "error" and not self._error:
                    self.fail(choice.get("error") or reason)
        if (error := failure_in(body)) is not None:
            self.fail(error)
        return error is not None

    @property
    def usable(self) -> bool:
        """A content filter may leave nothing but its reason."""
        choices = _folded(self._chunks()) if self.streaming else _choices(self._whole())
        for choice in choices:  # noqa: SIM110 - any() is two calls more for each answer
            if self.is_choice(choice) or choice.get("finish_reason") == "content_filter":
                return True
        return False

    @staticmethod
    def is_choice(choice: Json) -> bool:
        """Whether clients can read this choice of a plain answer: it has a message with something in it, or with a
        reason why there is nothing."""
        message = choice.get("message")
        if not isinstance(message, dict):
            return False
        return bool(message.get("content") or (message and choice.get("finish_reason"))) or _has_content(message)

    @property
    def ended(self) -> bool:
        """Some providers make fewer choices than were asked for, and say only with [DONE] that no more will come. Some
        say only so that an answer with calls is over: where the arguments of all are whole, nothing is missing."""
        finished = len(self._finished)
        if finished >= self._choices:
            return True
        last = self._kept[-1] if self._kept else ()
        done = bool(last) and last[-1].data == DONE_DATA
        return done and (finished > 0 or (bool(self.calls) and self._has_whole_calls()))

    def gather(self, body: Json) -> None:
        for position, choice in enumerate(rows_of(body.get("choices"))):
            message = choice.get("delta") or choice.get("message")
            self._gather_message(message if isinstance(message, dict) else choice, index_of(choice, position))

    def _gather_message(self, message: Json, index: int) -> None:
        for name in ("content", "text", "refusal"):
            self.add_text(message.get(name), index)
        self.add_reasoning(message.get("reasoning_content") or message.get("reasoning"), index)
        if details := message.get("reasoning_details"):
            self._details += rows_of(details)
        if pieces := rows_of(message.get("tool_calls")):
            self._gather_calls(pieces, index)
        if isinstance(old := message.get("function_call"), dict):
            self.add_call((index, None), name=old.get("name"), arguments=old.get("arguments"))

    @property
    def details(self) -> Sequence[Json]:
        """The `reasoning_details` of OpenRouter, as they came."""
        self._gather()
        return self._details

    def _gather_calls(self, pieces: Sequence[Json], index: int) -> None:
        numbers = self._numbers.setdefault(index, CallNumbers())
        for position, piece in enumerate(pieces):
            if (content := content_of(piece)) is not None:
                name, arguments = content
                key = (index, numbers.number_of(piece, position))
                self.add_call(key, name=name, arguments=arguments, id=piece.get("id"), free="custom" in piece)


def _choices(chunk: Chunk) -> list[Json]:
    body = chunk.json()
    return rows_of(body.get("choices")) if isinstance(body, dict) else []


def _folded(events: Iterable[Chunk]) -> Iterable[Json]:
    """Returns the choices of a stream in the form of a plain answer, with a piece of each field instead of the whole.
    Leaves out whole messages, because clients of a stream do not look at them, and ends without a delta, because they
    do not mean that the answer is empty on purpose."""
    made: dict[int, Json] = {}
    for event in events:
        for position, choice in enumerate(_choices(event)):
            folded = made.setdefault(index_of(choice, position), {"message": None})
            delta, text, reason = choice.get("delta"), choice.get("text"), choice.get("finish_reason")
            if isinstance(delta, dict):
                said = folded["message"] or {}
                folded["message"] = said | {name: value for name, value in delta.items() if value or name not in said}
            if text is not None:
                folded["text"] = text
            if reason and (isinstance(delta, dict) or text is not None or reason == "content_filter"):
                folded["finish_reason"] = reason
    return made.values()


def is_usage_only(body: Any) -> bool:
    """Whether the body is the chunk without choices that `stream_options.include_usage` adds. Some providers write
    `"choices": null`, or no choices at all."""
    return isinstance(body, dict) and _is_usage(body) and failure_in(body) is None


def _is_usage(body: Json) -> bool:
    return not body.get("choices") and bool(body.get("usage"))


def _has_content(message: Json) -> bool:
    """Whether a message has more than the role."""
    return any(value for name, value in message.items() if name not in _FRAME)


_CHUNK = frozenset(("choices", "usage", "error"))
"""A chunk has one of these fields. Other objects are a provider's notes."""
_FRAME = frozenset(("role", "name", "obfuscation"))
"""The fields of a delta that are no content."""


class OpenAIChat:
    """The dialect of chat completions. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "openai-chat"
    convertible: ClassVar[bool] = True
    marks_end: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True
    request_id_header: ClassVar[str] = "x-request-id"
    says_text: ClassVar[re.Pattern[bytes]] = re.compile(rb'"content":"[^"]')
    """Finds events with text, without decoding them."""

    def asked(self, request: Request, api: str) -> Asked:
        return ChatView(request, api)

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        messages = objects_of(document)
        given = rows_of(document.get("messages")) if where == "behind system" else [{}] * len(messages)
        place = place_of(where, [_ROLES.get(text_of(message.get("role"))) for message in given])
        added = [{"role": role, "content": text} for role, text in turns]
        document.set("messages", [*messages[:place], *added, *messages[place:]])

    def replace(self, document: Document, texts: Iterable[tuple[TextPlace, str]]) -> None:
        put(document, ((place.path, text) for place, text in texts))

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> CompletionsReader:
        return CompletionsReader(asked.choices, streaming=streaming, provider=provider)

    def tells_only_usage(self, event: Chunk) -> bool:
        return (len(event.raw) > LARGE or b'"usage"' in event.raw) and is_usage_only(event.json())

    def usage_event(self, event: Chunk, tokens: Tokens) -> bytes:
        sample = event.json()
        if tokens.source != "reported" or not isinstance(sample, dict):
            return b""
        return json_event(openai_chat_whole.usage_chunk(sample, usage_of(tokens))).raw

    def opens(self, event: Chunk) -> bool:
        if event.data == DONE_DATA or failure_in_event(event) is not None:
            return False
        return not any(
            self.has_content(each) or is_failed_end(text_of(each.get("finish_reason"))) for each in _choices(event)
        )

    @staticmethod
    def has_content(choice: Json) -> bool:
        """Whether a choice of an event has more than the role and an end. A choice of a text completion has nothing for
        clients of chats, and neither has a whole message."""
        delta = choice.get("delta")
        return isinstance(delta, dict) and _has_content(delta)

    def speaks(self, raw: bytes) -> bool:
        """Whether some event of these bytes has a text. It spares cutting a batch into events and decoding two of
        them."""
        text = self.says_text.search(raw)
        if text is None:
            return False
        end = raw.find(b"\n\n", text.start(), LARGE) + 2
        if end < 2:
            return False  # a large event is decoded in any case
        so_far = raw[:end]
        return not (may_fail(so_far) or so_far.count(b'"finish_reason":"') or so_far.count(DONE_DATA))

    def is_last(self, batch: Batch) -> bool:
        for chunk in batch:  # noqa: SIM110 - any() is a call more for each event
            if (len(chunk.raw) > LARGE or DONE_DATA in chunk.raw) and chunk.data == DONE_DATA:
                return True
        return False

    def write(self, chunk: Chunk, text: str) -> Chunk:
        body = chunk.json()
        choices = rows_of(body.get("choices")) if isinstance(body, dict) else []
        for name in ("delta", "message"):
            if choices and isinstance(message := choices[0].get(name), dict) and message.get("content"):
                first = {**choices[0], name: {**message, "content": text}}
                return rewritten(chunk, {**body, "choices": [first, *choices[1:]]})
        return chunk

    def texts(self, chunk: Chunk, asked: Asked) -> Sequence[AnswerText]:
        return list(openai_chat_texts.texts(chunk.json()))

    def rewrite(self, chunk: Chunk, texts: Iterable[tuple[AnswerText, str]]) -> Chunk:
        return rewrite(chunk, texts)

    def whole(self, events: Iterable[Chunk]) -> bytes:
        bodies = [body for event in events if isinstance(body := event.json(), dict)]
        return encoded(openai_chat_whole.whole(body for body in bodies if body.keys() & _CHUNK))

    def events(self, body: bytes, *, usage: bool) -> Iterator[Chunk]:
        answer = object_of(body)
        yield from map(json_event, openai_chat_whole.pieces(answer))
        if usage and answer.get("usage"):
            yield json_event(openai_chat_whole.usage_chunk(answer, answer["usage"]))
        yield from EventSplitter().feed(DONE)

    def writer(self, asked: Asked, id: str, created: int) -> Writer:
        return ChatWriter(asked.model, id, created, wants_usage=asked.wants_usage)

    def breaking_off(self, asked: Asked, id: str, created: int) -> BreakingOff:
        return PlainEnd(self.writer(asked, id, created))

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return error_body(error)

    def failed_stream(self, error: GatewayError, request_id: str) -> bytes:
        return b""

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return error_event(error)

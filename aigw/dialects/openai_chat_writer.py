"""Writes answers that aigw itself makes as chat or text completions: whole, or as a stream of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aigw.core.answer import Answer, ToolCall
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import encoded

Json = dict[str, Any]


class _CompletionsWriter:
    """The common parts of both writers. A subclass writes the choices."""

    PREFIX = ""
    OBJECT = ""
    CHUNK = ""

    def __init__(self, model: str, id: str, created: int, *, wants_usage: bool = False) -> None:
        """`wants_usage` is true if the client asked for usage in its stream. Every chunk then has the field `usage`."""
        self._head: Json = {"id": self.PREFIX + id, "object": self.OBJECT, "created": created, "model": model}
        self._rest: Json = {"usage": None} if wants_usage else {}

    def choice(self, index: int, answer: Answer) -> Json:
        raise NotImplementedError

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes:
        choices = [self.choice(index, answer) for index, answer in enumerate(answers)]
        return encoded({**self._head, "choices": choices, "usage": usage_of(usage)})

    def end(self, usage: Tokens | None) -> list[bytes]:
        told = [] if usage is None else [self._event([], {"usage": usage_of(usage)})]
        return [*told, b"data: [DONE]\n\n"]

    def _event(self, choices: list[Json], rest: Json | None = None) -> bytes:
        chunk = {**self._head, "object": self.CHUNK, "choices": choices, **(self._rest if rest is None else rest)}
        return b"data: " + encoded(chunk) + b"\n\n"


class ChatWriter(_CompletionsWriter):
    PREFIX = "chatcmpl-"
    OBJECT = "chat.completion"
    CHUNK = "chat.completion.chunk"

    def choice(self, index: int, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": None if answer.call else answer.text, "refusal": None}
        if answer.call is not None:
            message["tool_calls"] = [_call(answer.call, answer.text)]
        return _choice(index, _finish(answer), message=message)

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]:
        delta: Json = {"role": "assistant", "content": None if call else "", "refusal": None}
        if call is not None:
            delta["tool_calls"] = [{"index": 0, **_call(call, "")}]
        return [self._event([_choice(index, None, delta=delta)])]

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        delta: Json = {"content": text}
        if call is not None:
            delta = {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
        return [self._event([_choice(index, None, delta=delta)])]

    def closing(self, index: int, answer: Answer) -> list[bytes]:
        return [self._event([_choice(index, _finish(answer), delta={})])]


class TextWriter(_CompletionsWriter):
    """A `core.answer.Writer` of text completions, which have no calls."""

    PREFIX = "cmpl-"
    OBJECT = CHUNK = "text_completion"

    def choice(self, index: int, answer: Answer) -> Json:
        return {"text": answer.text, "index": index, "logprobs": None, "finish_reason": answer.finish}

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]:
        return []

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        return [self._event([{"text": text, "index": index, "logprobs": None, "finish_reason": None}])]

    def closing(self, index: int, answer: Answer) -> list[bytes]:
        return [self._event([{"text": "", "index": index, "logprobs": None, "finish_reason": answer.finish}])]


def usage_of(tokens: Tokens) -> Json:
    """Returns tokens in the format of chat completions, in which the prompt includes cached tokens."""
    spent, made = tokens.prompt or 0, tokens.output or 0
    usage: Json = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made}
    if tokens.cache_read is not None or tokens.cache_write is not None:
        written = {"cache_write_tokens": tokens.cache_write} if tokens.cache_write is not None else {}
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cache_read or 0, **written}
    if tokens.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return usage


def _choice(index: int, finish: str | None, **what: Any) -> Json:
    return {"index": index, **what, "logprobs": None, "finish_reason": finish}


def _call(call: ToolCall, arguments: str) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.call is not None and answer.finish == "stop" else answer.finish

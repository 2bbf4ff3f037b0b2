"""Writes answers that aigw itself makes, in DashScope's format: whole, or as a stream of events.

Rule: a call is never split. The last event has the usage, and the reasons why the choices ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from aigw.core.answer import Answer, ToolCall
from aigw.core.errors import GatewayError
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import encoded
from aigw.dialects.reader import Json

Form = Literal["text", "message", "parts"]
""" "text": `output.text`; "message": choices whose content is text; "parts": choices whose content is a list."""

_CODES = {
    401: "InvalidApiKey", 403: "AccessDenied", 404: "ModelNotFound", 408: "RequestTimeOut", 429: "Throttling",
    503: "ModelUnavailable", 504: "RequestTimeOut",
}  # fmt: skip


class DashScopeWriter:
    """A `core.answer.Writer`. If `incremental` is true, each event of a stream has only the new text, else all of it.
    The form "text" has only the first answer, and no calls, because it has no place for more."""

    def __init__(self, id: str, *, form: Form = "message", incremental: bool = True) -> None:
        self._id = id
        self._form = form
        self._incremental = incremental
        self._said: dict[int, str] = {}
        self._ends: list[Json] = []
        self._number = 0

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes:
        choices = [self._choice(index, answer, answer.text) for index, answer in enumerate(answers)]
        return self._encoded(choices, {"usage": usage_of(usage)})

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]:
        return []

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        if call is not None:
            return []
        said = self._said[index] = self._said.get(index, "") + text
        return [self._event([self._said_by(index, "null", text if self._incremental else said)], {})]

    def closing(self, index: int, answer: Answer) -> list[bytes]:
        self._ends.append(self._choice(index, answer, "" if self._incremental else answer.text))
        return []

    def end(self, usage: Tokens | None) -> list[bytes]:
        return [self._event(self._ends, {} if usage is None else {"usage": usage_of(usage)})]

    def _choice(self, index: int, answer: Answer, text: str) -> Json:
        if answer.call is None:
            return self._said_by(index, answer.finish or "stop", text)
        function = {"name": answer.call.name, "arguments": answer.text}
        calls = [{"index": 0, "id": answer.call.id, "type": "function", "function": function}]
        finish = "tool_calls" if answer.finish in ("", "stop") else answer.finish
        return self._said_by(index, finish, "", tool_calls=calls)

    def _said_by(self, index: int, finish: str, text: str, **rest: Any) -> Json:
        content = [{"text": text}] if self._form == "parts" else text
        message = {"role": "assistant", "content": content, **rest}
        return {"index": index, "finish_reason": finish, "message": message}

    def _event(self, choices: list[Json], rest: Json) -> bytes:
        self._number += 1
        return b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%b\n\n" % (self._number, self._encoded(choices, rest))

    def _encoded(self, choices: list[Json], rest: Json) -> bytes:
        output: Json = {"choices": choices}
        if self._form == "text" and not any("tool_calls" in choice["message"] for choice in choices):
            first = choices[0]
            output = {"text": first["message"]["content"], "finish_reason": first["finish_reason"]}
        return encoded({"output": output, **rest, "request_id": self._id})


def usage_of(tokens: Tokens) -> Json:
    """Returns tokens in DashScope's format, in which the input includes cached tokens."""
    spent, made = tokens.prompt or 0, tokens.output or 0
    usage: Json = {"input_tokens": spent, "output_tokens": made, "total_tokens": spent + made}
    if tokens.cache_read is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cache_read}
    if tokens.reasoning is not None:
        usage["output_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return usage


def error_body(error: GatewayError, request_id: str) -> bytes:
    code = _CODES.get(error.status) or ("InternalError" if error.status >= 500 else "InvalidParameter")
    return encoded({"code": code, "message": error.message, "request_id": request_id})


def error_event(error: GatewayError, request_id: str) -> bytes:
    """Returns an error event. The SDK reads the status from the line `status:`; DashScope itself writes it into a
    comment."""
    head = f"event:error\n:HTTP_STATUS/{error.status}\nstatus:{error.status}\ndata:"
    return head.encode() + error_body(error, request_id) + b"\n\n"

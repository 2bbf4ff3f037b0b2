"""Writes answers that aigw itself makes, in Gemini's format: whole, or as a stream of `data:` lines.

Rule: a call is never split. The last event has the usage, and the reasons why the candidates ended."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.core.answer import Answer, Finish, ToolCall
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.reader import Json

REASONS: dict[Finish, str] = {"length": "MAX_TOKENS", "content_filter": "SAFETY", "error": "OTHER"}


class GeminiWriter:
    """A `core.answer.Writer`. If `array` is true, the client expects a JSON array, and the plain answer is a list of
    one."""

    def __init__(self, model: str, id: str, *, array: bool = False) -> None:
        self._head: Json = {"modelVersion": model, "responseId": id}
        self._array = array
        self._ends: list[Json] = []

    def whole(self, answers: Sequence[Answer], usage: Tokens) -> bytes:
        candidates = [_candidate(index, answer, answer.text) for index, answer in enumerate(answers)]
        body = {"candidates": candidates, "usageMetadata": usage_of(usage), **self._head}
        return encoded([body] if self._array else body)

    def opening(self, index: int, call: ToolCall | None) -> list[bytes]:
        return []

    def piece(self, index: int, text: str, call: ToolCall | None) -> list[bytes]:
        return [] if call else [self._event([{"content": _content([{"text": text}]), "index": index}])]

    def closing(self, index: int, answer: Answer) -> list[bytes]:
        self._ends.append(_candidate(index, answer, ""))
        return []

    def end(self, usage: Tokens | None) -> list[bytes]:
        return [self._event(self._ends, {} if usage is None else {"usageMetadata": usage_of(usage)})]

    def _event(self, candidates: list[Json], rest: Json | None = None) -> bytes:
        return b"data: " + encoded({"candidates": candidates, **(rest or {}), **self._head}) + b"\n\n"


def _candidate(index: int, answer: Answer, text: str) -> Json:
    parts = [{"text": text}] if answer.call is None else _call_parts(answer.call, answer.text)
    return {"content": _content(parts), "finishReason": REASONS.get(answer.finish, "STOP"), "index": index}


def _content(parts: list[Json]) -> Json:
    return {"parts": parts, "role": "model"}


def _call_parts(call: ToolCall, arguments: str) -> list[Json]:
    """Returns the parts of a call, none if its arguments were cut off."""
    try:
        args = object_of((arguments or "{}").encode("utf-8", "replace"))
    except ValueError:
        return []
    return [{"functionCall": {**({"id": call.id} if call.id else {}), "name": call.name, "args": args}}]


def usage_of(tokens: Tokens) -> Json:
    """Returns tokens in Gemini's format: the prompt includes cached tokens, the candidates do not include the
    thoughts."""
    spent, made, thoughts = tokens.prompt or 0, tokens.output or 0, tokens.reasoning or 0
    usage = {"promptTokenCount": spent, "candidatesTokenCount": made - thoughts, "totalTokenCount": spent + made}
    if tokens.cache_read is not None:
        usage["cachedContentTokenCount"] = tokens.cache_read
    if tokens.reasoning is not None:
        usage["thoughtsTokenCount"] = thoughts
    return usage

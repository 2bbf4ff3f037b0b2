"""Reads answers in Anthropic's format into those of chat completions, as Higress's provider `claude` does.

Rules: of several texts of a plain answer the last one counts. The number of a block is that of a choice and of a call.
The tokens that the beginning and the end of a stream tell are added up, and no mark ends a stream."""

from __future__ import annotations

from typing import Any

from aigw.core.model import Batch, Chunk
from aigw.dialects.json_values import Json
from aigw.dialects.sse import json_event
from aigw.higress.fields import mapping, rows, text, whole
from aigw.higress.go_json import filled
from aigw.higress.go_values import sorted_json

_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def chat_of(answer: Json, *, model: str, created: int) -> Json:
    """Returns a plain answer. Raises ValueError if the body is no answer, or if it reports a failure."""
    if (failure := mapping(answer, "error")) is not None:
        kind, told = text(failure, "type"), text(failure, "message")
        raise ValueError(f"claude response error, error_type: {kind}, error_message: {told}")
    choice = {"index": 0, "message": _message(rows(answer, "content")), "finish_reason": _reason(answer)}
    usage = mapping(answer, "usage") or {}
    spent, made = whole(usage, "input_tokens"), whole(usage, "output_tokens")
    return {
        **filled({"id": text(answer, "id")}),
        "choices": [{**choice, "logprobs": None}],
        "created": created,
        "model": model,
        "object": "chat.completion",
        "usage": usage_of(spent, made, spent + made) if spent > 0 or made > 0 else None,
    }


def usage_of(spent: int, made: int, total: int) -> Json:
    return filled({"prompt_tokens": spent, "completion_tokens": made, "total_tokens": total})


def _reason(fields: Json) -> str:
    reason = text(fields, "stop_reason")
    return _REASONS.get(reason, reason)


def _message(blocks: list[Json]) -> Json:
    said, calls = "", []
    thought: Json = {}
    for block in blocks:
        kind = text(block, "type")
        if kind == "text":
            said = text(block, "text") if block.get("text") is not None else said
        elif kind == "thinking":
            thought |= filled(
                {"reasoning_content": block.get("thinking"), "reasoning_signature": block.get("signature")}
            )
        elif kind == "redacted_thinking":
            thought |= filled({"reasoning_redacted_content": text(block, "data")})
        elif kind == "tool_use":
            calls.append(_call(block, 0, sorted_json(mapping(block, "input") or {})))
    return {"role": "assistant", "content": said, **thought, **filled({"tool_calls": calls})}


def _call(block: Json, index: int, arguments: str) -> Json:
    named = {**filled({"name": text(block, "name")}), "arguments": arguments}
    return {"index": index, **filled({"id": text(block, "id")}), "type": "function", "function": named}


class ChatStream:
    """Reads a stream. Higress drops an event that reports a failure; here it becomes an error event of chat
    completions."""

    def __init__(self, *, model: str, created: int) -> None:
        self._model = model
        self._created = created
        self._id = self._tier = ""
        self._spent = self._made = self._total = 0

    def feed(self, batch: Batch) -> Batch:
        out: list[Chunk] = []
        for chunk in batch:
            body = chunk.json()
            if isinstance(body, dict):
                try:
                    out += self._events(body)
                except ValueError as error:
                    out.append(_failed(str(error)))
        return out

    def end(self) -> Batch:
        return ()

    def _events(self, body: Json) -> list[Chunk]:
        match text(body, "type"):
            case "message_start":
                return [self._start(body)]
            case "content_block_start":
                return self._open(body)
            case "content_block_delta":
                return self._delta(body)
            case "message_delta":
                return [self._finish(body)]
            case "message_stop":
                return [self._chunk([], usage_of(self._spent, self._made, self._total))]
            case "error":
                return [_failed(text(mapping(body, "error") or {}, "message"))]
        return []

    def _start(self, body: Json) -> Chunk:
        if (message := mapping(body, "message")) is not None:
            usage = mapping(message, "usage") or {}
            self._id, self._tier = text(message, "id"), text(usage, "service_tier")
            self._spent, self._made, self._total = whole(usage, "input_tokens"), whole(usage, "output_tokens"), 0
        return self._piece(body, {"role": "assistant", "content": ""})

    def _open(self, body: Json) -> list[Chunk]:
        block = mapping(body, "content_block") or {}
        if text(block, "type") != "tool_use":
            return []
        return [self._piece(body, {"tool_calls": [_call(block, whole(body, "index"), "")]})]

    def _delta(self, body: Json) -> list[Chunk]:
        delta = mapping(body, "delta") or {}
        match text(delta, "type"):
            case "input_json_delta":
                call = _call({}, whole(body, "index"), text(delta, "partial_json"))
                return [self._piece(body, {"tool_calls": [call]})]
            case "thinking_delta":
                return [self._piece(body, filled({"reasoning": text(delta, "thinking")}))]
            case "signature_delta":
                return []
        return [self._piece(body, {"content": text(delta, "text")})]

    def _finish(self, body: Json) -> Chunk:
        if (usage := mapping(body, "usage")) is not None:
            self._made += whole(usage, "output_tokens")
            self._total = self._spent + self._made
        return self._piece(body, {}, _reason(mapping(body, "delta") or {}))

    def _piece(self, body: Json, delta: Json, finish: str | None = None) -> Chunk:
        choice = {"index": whole(body, "index"), "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._chunk([choice], None)

    def _chunk(self, choices: list[Json], usage: Any) -> Chunk:
        head = {**filled({"id": self._id}), "choices": choices, "created": self._created, "model": self._model}
        tier = filled({"service_tier": self._tier})
        return json_event({**head, **tier, "object": "chat.completion.chunk", "usage": usage})


def _failed(why: str) -> Chunk:
    return json_event({"error": {"message": why, "type": "upstream_error", "code": None}})

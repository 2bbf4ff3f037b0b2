"""Reads Gemini's answers into those of OpenAI's formats, as Higress's provider `gemini` does.

Rules: each part of a plain answer is a choice, and of an event of a stream the first part counts. A call comes back
empty. Each event has an id of its own, and no mark ends a stream."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.model import Batch, Chunk
from aigw.dialects.json_values import Json
from aigw.dialects.sse import json_event
from aigw.higress.fields import mapping, rows, text, whole
from aigw.higress.go_json import filled

NewId = Callable[[], str]
"""Returns a new UUID as text."""


def chat_of(answer: Json, *, model: str, created: int, new_id: NewId) -> Json:
    """Returns a plain answer. Raises ValueError if the body is no answer, or if it reports a failure."""
    _check(answer, "chat completion")
    parts = [
        (part, text(candidate, "finishReason").lower())
        for candidate in rows(answer, "candidates")
        for part in rows(mapping(candidate, "content") or {}, "parts")
    ]
    choices = [
        {"index": index, "message": _message(part), "finish_reason": reason, "logprobs": None}
        for index, (part, reason) in enumerate(parts)
    ]
    return {
        "id": f"chatcmpl-{new_id()}",
        "choices": choices or None,
        "created": created,
        "model": model,
        "object": "chat.completion",
        "usage": _usage(answer),
    }


def _check(answer: Json, kind: str) -> None:
    if (failure := mapping(answer, "error")) is not None:
        code, status, told = whole(failure, "code"), text(failure, "status"), text(failure, "message")
        raise ValueError(
            f"gemini {kind} response error, error_code: {code}, error_status:{status}, error_message: {told}"
        )


def _message(part: Json) -> Json:
    if mapping(part, "functionCall") is not None:
        return {"role": "assistant"}
    data = mapping(part, "inlineData")
    return {"role": "assistant", "content": text(part, "text") if data is None else text(data, "data")}


def _usage(answer: Json) -> Json:
    usage = mapping(answer, "usageMetadata") or {}
    counts = {
        "prompt_tokens": whole(usage, "promptTokenCount"),
        "completion_tokens": whole(usage, "candidatesTokenCount"),
        "total_tokens": whole(usage, "totalTokenCount"),
    }
    return filled(counts)


def embeddings_of(answer: Json, *, model: str) -> Json:
    _check(answer, "embeddings")
    data = [{"object": "embedding", "index": 0, "embedding": each.get("values")} for each in rows(answer, "embeddings")]
    return {"object": "list", "data": data, "model": model, "usage": {}}


def images_of(answer: Json, *, created: int) -> Json:
    data = [filled({"b64_json": text(each, "bytesBase64Encoded")}) for each in rows(answer, "predictions")]
    return {"created": created, "data": data}


class ChatStream:
    """Reads a stream. Higress makes an empty choice of an event that reports a failure; here it becomes an error event
    of chat completions."""

    def __init__(self, *, model: str, created: int, new_id: NewId) -> None:
        self._model = model
        self._created = created
        self._new_id = new_id

    def feed(self, batch: Batch) -> Batch:
        bodies = [body for chunk in batch if isinstance(body := chunk.json(), dict)]
        return [self._chunk(body) for body in bodies]

    def end(self) -> Batch:
        return ()

    def _chunk(self, body: Json) -> Chunk:
        try:
            _check(body, "chat completion")
            choice, usage = _choice(body), _usage(body)
        except ValueError as error:
            return json_event({"error": {"message": str(error), "type": "upstream_error", "code": None}})
        head = {"id": f"chatcmpl-{self._new_id()}", "choices": [choice], "created": self._created}
        return json_event({**head, "model": self._model, "object": "chat.completion.chunk", "usage": usage})


def _choice(body: Json) -> Json:
    choice: Json = {"index": 0, "finish_reason": None, "logprobs": None}
    candidate = next(iter(rows(body, "candidates")), {})
    parts = rows(mapping(candidate, "content") or {}, "parts")
    if parts:
        reason = text(candidate, "finishReason").lower() or None
        choice |= {"delta": {"content": text(parts[0], "text")}, "finish_reason": reason}
    return choice

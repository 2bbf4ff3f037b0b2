"""DashScope's native text generation and embeddings, sans-io: OpenAI in, OpenAI out.

https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope, and higress.md 4.8 and 4.9. With `faithful` the result
is what Higress makes of it (top_p always sent, usage in a chunk with a choice, a newline after every reasoning
piece); otherwise it is what OpenAI would send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aigw.core.document import Document
from aigw.core.model import Batch, Chunk
from aigw.dialects.chat_request import messages_of, truthy

TEXT_PATH = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL_PATH = "/api/v1/services/aigc/multimodal-generation/generation"

_HIGRESS_PARAMETERS = ("max_tokens", "n", "seed", "temperature")
_PARAMETERS = (*_HIGRESS_PARAMETERS, "top_p", "top_k", "stop", "presence_penalty", "response_format", "tool_choice",
               "parallel_tool_calls", "logprobs", "top_logprobs", "enable_thinking", "thinking_budget")  # fmt: skip
_TOP_P_MIN, _TOP_P_MAX = 1e-6, 0.999999

Json = dict[str, Any]


def generation_path(model: str) -> str:
    return MULTIMODAL_PATH if model.startswith("qwen-vl") else TEXT_PATH


def encode_chat(
    request: Document, *, faithful: bool, search: bool = False, file_ids: Sequence[str] = (), context: str | None = None
) -> bytes:
    """The native body of a chat request. Raises ValueError for messages that are none."""
    stream, tools = truthy(request.get("stream")), request.get("tools")
    parameters: Json = {"result_format": "message"}
    for name in _HIGRESS_PARAMETERS if faithful else _PARAMETERS:
        value = request.get(name)
        if value is not None and (value or not faithful):
            parameters[name] = value
    if "max_tokens" not in parameters and request.get("max_completion_tokens"):
        parameters["max_tokens"] = request.get("max_completion_tokens")
    top_p = request.get("top_p")
    if faithful or top_p is not None:
        parameters["top_p"] = max(_TOP_P_MIN, min(_TOP_P_MAX, top_p or 0))
    if stream and (not tools or not faithful):
        parameters["incremental_output"] = True
    if search:
        parameters["enable_search"] = True
    if tools:
        parameters["tools"] = tools
    model = request.get("model", "")
    messages = [_message(message, multimodal=model.startswith("qwen-vl")) for message in messages_of(request)]
    _insert_system(messages, file_ids=file_ids if model.startswith("qwen-long") else (), context=context)
    return msgspec.json.encode({"model": model, "input": {"messages": messages}, "parameters": parameters})


def _insert_system(messages: list[Any], *, file_ids: Sequence[str], context: str | None) -> None:
    """Files and the context stand in a system message behind the first one, which is made up if there is none."""
    text = ",".join(f"fileid://{file_id}" for file_id in file_ids) or context
    if text is None:
        return
    if not messages or messages[0].get("role") != "system":
        messages.insert(0, {"role": "system", "content": "You are a helpful assistant."})
    messages.insert(1, {"role": "system", "content": text})


def _message(message: Document, *, multimodal: bool) -> Any:
    content = message.get("content")
    if multimodal:
        message.set(
            "content", [{"text": content}] if isinstance(content, str) else [_part(part) for part in content or ()]
        )
    return msgspec.json.decode(message.encode())


def _part(part: Json) -> Json:
    if part.get("type") == "image_url":
        return {"image": part.get("image_url", {}).get("url", "")}
    return {"text": part.get("text", "")}


def decode_chat(body: bytes, *, model: str, created: int, reasoning: str, promote: bool) -> bytes:
    """OpenAI's form of a native answer. Raises ValueError if it is not one. `reasoning`: passthrough, ignore or
    concat."""
    native = _object(body)
    choices = []
    for index, choice in enumerate(native.get("output", {}).get("choices") or ()):
        message = _openai_message(choice.get("message") or {})
        _shape_reasoning(message, reasoning, promote)
        choices.append({"index": index, "message": message, "finish_reason": _finish(choice), "logprobs": None})
    return msgspec.json.encode(
        {
            "id": native.get("request_id", ""),
            "choices": choices,
            "created": created,
            "model": model,
            "object": "chat.completion",
            "usage": _usage(native),
        }
    )


def encode_embeddings(request: Document) -> bytes:
    texts = request.get("input")
    parameters = {"dimension": request.get("dimensions")} if request.get("dimensions") else {}
    body = {
        "model": request.get("model", ""),
        "input": {"texts": [texts] if isinstance(texts, str) else texts},
        "parameters": parameters,
    }
    return msgspec.json.encode(body)


def decode_embeddings(body: bytes, *, model: str) -> bytes:
    """OpenAI's form of native embeddings. Raises ValueError if they are none."""
    native = _object(body)
    total = native.get("usage", {}).get("total_tokens", 0)
    data = [
        {"object": "embedding", "index": item.get("text_index", 0), "embedding": item.get("embedding")}
        for item in native.get("output", {}).get("embeddings") or ()
    ]
    usage = {"prompt_tokens": total, "total_tokens": total}
    return msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": usage})


class StreamDecoder:
    """Turns native events into OpenAI's. Feed it batches of events."""

    def __init__(
        self, *, model: str, now: Callable[[], float], reasoning: str, faithful: bool, incremental: bool, usage: bool
    ) -> None:
        self._model = model
        self._created = int(now())
        self._reasoning = reasoning
        self._faithful = faithful
        self._incremental = incremental
        self._want_usage = usage or faithful
        self._sent: dict[str, str] = {}
        self._thinking = False
        self._started = False
        self._done = False

    def feed(self, batch: Batch) -> Batch:
        out: list[Chunk] = []
        for event in batch:
            native = event.json()
            if isinstance(native, dict):
                raw = b"".join(self._events(native))
                if raw:
                    out.append(Chunk(raw))
        return out

    def end(self) -> Batch:
        return [Chunk(b"data: [DONE]\n\n")] if self._done and not self._faithful else []

    def _events(self, native: Json) -> list[bytes]:
        if "output" not in native:
            error = {
                "message": native.get("message", "DashScope failed"),
                "type": "upstream_error",
                "code": native.get("code"),
            }
            return [_event({"error": error})]
        events = []
        finish = None
        for choice in (native["output"].get("choices") or ())[:1]:
            finish = _finish(choice)
            deltas = self._deltas(_openai_message(choice.get("message") or {}))
            events += [self._chunk(native, delta) for delta in deltas]
        if finish:
            self._done = True
            events.append(self._chunk(native, {}, finish=finish))
            if self._want_usage:
                events.append(self._chunk(native, {} if self._faithful else None, usage=_usage(native)))
        return events

    def _deltas(self, message: Json) -> list[Json]:
        delta: Json = {}
        reasoning = self._new(message, "reasoning_content")
        content = self._new(message, "content")
        if reasoning and self._reasoning == "concat":
            tail = "\n" if self._faithful else ""
            delta["content"] = ("" if self._thinking else "<think>") + reasoning + tail
            self._thinking = True
        elif reasoning and self._reasoning == "passthrough":
            delta["reasoning_content"] = reasoning
        if content:
            if self._thinking:
                content = (delta.get("content", "") if reasoning else "") + "</think>\n" + content
                self._thinking = False
            delta["content"] = content
        if message.get("tool_calls"):
            delta["tool_calls"] = self._tool_calls(message["tool_calls"])
        if not delta:
            return []
        if not self._started or self._faithful:
            delta = {"role": message.get("role", "assistant"), **delta}
            self._started = True
        return [delta]

    def _new(self, message: Json, name: str) -> str:
        """The text that was not sent yet: all of it where output is incremental, what is behind the last text
        otherwise."""
        text: str = message.get(name) or ""
        if self._incremental:
            return text
        sent = self._sent.get(name, "")
        self._sent[name] = text
        return text[len(sent) :] if text.startswith(sent) else text

    def _tool_calls(self, calls: Sequence[Json]) -> list[Json]:
        fresh = []
        for position, call in enumerate(calls):
            index = call.get("index", position)
            function = call.get("function") or {}
            first = f"call {index}" not in self._sent
            self._sent.setdefault(f"call {index}", "")
            arguments = self._new({f"arguments {index}": function.get("arguments")}, f"arguments {index}")
            if first:
                named = {"name": function.get("name", ""), "arguments": arguments}
                fresh.append({"index": index, "id": call.get("id", ""), "type": "function", "function": named})
            elif arguments:
                fresh.append({"index": index, "function": {"arguments": arguments}})
        return fresh

    def _chunk(
        self, native: Json, delta: Json | None, *, finish: str | None = None, usage: Json | None = None
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event(
            {
                "id": native.get("request_id", ""),
                "choices": [] if delta is None else [choice],
                "created": self._created,
                "model": self._model,
                "object": "chat.completion.chunk",
                "usage": usage,
            }
        )


def _event(body: Json) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _object(body: bytes) -> Json:
    try:
        native = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"DashScope's answer is not JSON: {error}") from None
    if not isinstance(native, dict):
        raise ValueError("DashScope's answer is not a JSON object")
    return native


def _openai_message(message: Json) -> Json:
    """DashScope's message with its content as text: multimodal answers have a list of parts."""
    shaped = {"role": message.get("role", "assistant"), **message}
    if isinstance(content := shaped.get("content"), list):
        shaped["content"] = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    if not shaped.get("reasoning_content"):
        shaped.pop("reasoning_content", None)
    if not shaped.get("tool_calls"):
        shaped.pop("tool_calls", None)
    return shaped


def _shape_reasoning(message: Json, mode: str, promote: bool) -> None:
    reasoning = message.get("reasoning_content")
    if not reasoning:
        return
    if promote and not message.get("content"):
        message["content"] = message.pop("reasoning_content")
    elif mode == "ignore":
        del message["reasoning_content"]
    elif mode == "concat":
        message["content"] = f"<think>{message.pop('reasoning_content')}</think>\n{message.get('content') or ''}"


def _finish(choice: Json) -> str | None:
    reason = choice.get("finish_reason")
    return None if reason in ("null", "", None) else str(reason)


def _usage(native: Json) -> Json:
    usage = native.get("usage") or {}
    spent, made = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": usage.get("total_tokens", spent + made)}

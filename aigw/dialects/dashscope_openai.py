"""Converts requests of OpenAI's API into DashScope's native API, and its answers back. Sans-io.

https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope. dashscope_higress.py has what Higress makes of the same
requests and answers. A value of a wrong type raises ValueError, or makes an error event in a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from aigw.core.document import Document
from aigw.core.model import Batch, Chunk
from aigw.dialects.dashscope import content_text, reason_of
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.openai_chat import DONE
from aigw.dialects.openai_chat_request import messages_of, system_message
from aigw.dialects.sse import Event, json_event
from aigw.dialects.view import index_of
from aigw.higress.values import truthy

TEXT_PATH = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL_PATH = "/api/v1/services/aigc/multimodal-generation/generation"

_PARAMETERS = (
    "max_tokens", "n", "seed", "temperature", "top_p", "top_k", "stop", "presence_penalty", "response_format",
    "tool_choice", "parallel_tool_calls", "logprobs", "top_logprobs", "enable_thinking", "thinking_budget",
)  # fmt: skip
_TOP_P_MIN, _TOP_P_MAX = 1e-6, 0.999999
DUMMY_SYSTEM = "You are a helpful assistant."
"""Stands in front of files and of the context where the client has no system message."""


def generation_path(model: str) -> str:
    return MULTIMODAL_PATH if model.startswith("qwen-vl") else TEXT_PATH


def check(request: Document, *, has_default: bool, quoted: str = "") -> None:
    """Makes the checks that Higress makes before it converts a request. `has_default`: a model is known for a request
    that names none. `quoted` is what the message says of the body. Raises ValueError."""
    if request.get("messages") == []:
        raise ValueError(f"no message found in the request body{quoted}")
    if not has_default and not request.get("model"):
        raise ValueError("missing model in request")


def headers_for(request: Document) -> dict[str, str]:
    """The headers by which a stream is asked for."""
    if truthy(request.get("stream")):
        return {"accept": "text/event-stream", "x-dashscope-sse": "enable"}
    return {"accept": "*/*"}


def encode_chat(
    request: Document, *, search: bool = False, file_ids: Sequence[str] = (), context: str | None = None
) -> bytes:
    """Returns the native body of a chat request. Raises ValueError if a field is not valid in OpenAI's API; the message
    names the field."""
    parameters: Json = {"result_format": "message"}
    for name in _PARAMETERS:
        if (value := request.get(name)) is not None:
            parameters[name] = value
    if "max_tokens" not in parameters and request.get("max_completion_tokens"):
        parameters["max_tokens"] = request.get("max_completion_tokens")
    if "top_p" in parameters:
        parameters["top_p"] = top_p_of(request)
    if truthy(request.get("stream")):
        parameters["incremental_output"] = True
    if search:
        parameters["enable_search"] = True
    if tools := request.get("tools"):
        parameters["tools"] = tools
    model = model_of(request)
    messages = messages_of(request)
    if model.startswith("qwen-vl"):
        for message in messages:
            message.set("content", _parts(message.get("content")))
    _insert_system(messages, file_ids=file_ids if model.startswith("qwen-long") else (), context=context)
    raws = [msgspec.Raw(message.encode()) for message in messages]
    return encoded({"model": model, "input": {"messages": raws}, "parameters": parameters})


def model_of(request: Document) -> str:
    """Raises ValueError if it is no text."""
    model = request.get("model", "")
    if not isinstance(model, str):
        raise ValueError("model: must be a string")
    return model


def top_p_of(request: Document) -> float:
    """As DashScope takes it: neither 0, which is what a missing one counts as, nor 1. Raises ValueError if it is no
    number."""
    top_p = request.get("top_p")
    if not isinstance(top_p, int | float | None) or isinstance(top_p, bool):
        raise ValueError("top_p: must be a number")
    return max(_TOP_P_MIN, min(_TOP_P_MAX, top_p or 0))


def files_text(file_ids: Sequence[str]) -> str:
    """How a system message names files."""
    return ",".join([f"fileid://{file_id}" for file_id in file_ids])


def _insert_system(messages: list[Document], *, file_ids: Sequence[str], context: str | None) -> None:
    """Puts the files and the context into a system message after the first one. If there is no system message, a first
    one is added."""
    text = files_text(file_ids) or context
    if text is None:
        return
    if not messages or messages[0].get("role") != "system":
        messages.insert(0, system_message(DUMMY_SYSTEM))
    messages.insert(1, system_message(text))


def _parts(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"text": content}]
    if not isinstance(content, list | None) or not all(isinstance(part, dict) for part in content or ()):
        raise ValueError("messages: content must be a string or an array of objects")
    return [_part(part) for part in content or ()]


def _part(part: Json) -> Json:
    if part.get("type") != "image_url":
        return {"text": part.get("text", "")}
    image = part.get("image_url")
    if not isinstance(image, dict):
        raise ValueError("messages: image_url must be an object with a url")
    return {"image": image.get("url", "")}


def decode_chat(body: Chunk, *, model: str, created: int, reasoning: str, promote: bool) -> bytes:
    """Returns a native answer in OpenAI's format. `reasoning` is passthrough, ignore or concat. Raises ValueError if it
    is not a native answer."""
    native = _object(body)
    choices = []
    for index, choice in enumerate(_rows(_output(native), "choices")):
        message = _openai_message(_mapping(choice, "message"))
        _shape_reasoning(message, reasoning, promote)
        choices.append({"index": index, "message": message, "finish_reason": _finish(choice), "logprobs": None})
    return encoded(
        {
            "id": native.get("request_id", ""),
            "choices": choices,
            "created": created,
            "model": model,
            "object": "chat.completion",
            "usage": usage_of(native),
        }
    )


def encode_embeddings(request: Document) -> bytes:
    parameters = {"dimension": request.get("dimensions")} if request.get("dimensions") else {}
    body = {"model": request.get("model", ""), "input": {"texts": texts_of(request)}, "parameters": parameters}
    return encoded(body)


def texts_of(request: Document) -> Any:
    """What is to be embedded, one text as an array of one."""
    texts = request.get("input")
    return [texts] if isinstance(texts, str) else texts


def decode_embeddings(body: Chunk, *, model: str) -> bytes:
    """Returns native embeddings in OpenAI's format. Raises ValueError if the body is not native embeddings."""
    native = _object(body)
    total = _count(_mapping(native, "usage"), "total_tokens")
    data = [
        {"object": "embedding", "index": item.get("text_index", 0), "embedding": item.get("embedding")}
        for item in _rows(_output(native), "embeddings")
    ]
    usage = {"prompt_tokens": total, "total_tokens": total}
    return encoded({"object": "list", "data": data, "model": model, "usage": usage})


class StreamDecoder:
    """Converts batches of native events into OpenAI's events."""

    role_in_each: ClassVar[bool] = False
    """Whether every delta says the role, or only the first one."""
    reasoning_end: ClassVar[str] = ""
    """Stands behind every piece of reasoning that is put into the text."""

    def __init__(self, *, model: str, now: Callable[[], float], reasoning: str, incremental: bool, usage: bool) -> None:
        self._model = model
        self._created = int(now())
        self._reasoning = reasoning
        self._incremental = incremental
        self._wants_usage = usage
        self._choices: dict[int, _Choice] = {}
        self._usage: list[Event] = []
        """The event that tells usage, held until all choices have ended."""

    def feed(self, batch: Batch) -> Batch:
        out: list[Chunk] = []
        for event in batch:
            native = event.json()
            if isinstance(native, dict):
                try:
                    out += self._events(native)
                except (ValueError, RecursionError) as error:
                    out.append(_error_event(str(error), native))
        return out

    def end(self) -> Batch:
        if not self._choices or not all(choice.ended for choice in self._choices.values()):
            return []
        return [*self._usage, Event(DONE)]

    def _events(self, native: Json) -> list[Event]:
        if "output" not in native:
            return [_error_event(_text(native, "message") or "DashScope failed", native)]
        indexed = self.indexed(_rows(_output(native), "choices"))
        return [event for choice, index in indexed for event in self._events_of(native, choice, index)]

    def indexed(self, choices: Sequence[Json]) -> list[tuple[Json, int]]:
        """Returns the choices of an event that the client gets, with their numbers."""
        return [(choice, index_of(choice, position)) for position, choice in enumerate(choices)]

    def tell_usage(self, native: Json) -> list[Event]:
        """Returns the events that tell usage when a choice ends. They may also wait for `end`."""
        if self._wants_usage:
            self._usage = [self.chunk(native, [], usage_of(native))]
        return []

    def _events_of(self, native: Json, choice: Json, index: int) -> list[Event]:
        finish, state = _finish(choice), self._state_of(index)
        delta = state.delta(_openai_message(_mapping(choice, "message")))
        events = [self.chunk(native, [piece(index, delta)])] if delta else []
        if finish:
            state.ended = True
            events.append(self.chunk(native, [piece(index, {}, finish)]))
            events += self.tell_usage(native)
        return events

    def _state_of(self, index: int) -> _Choice:
        state = self._choices.get(index)
        if state is None:
            how = self._reasoning, self._incremental, self.role_in_each, self.reasoning_end
            state = self._choices[index] = _Choice(*how)
        return state

    def chunk(self, native: Json, choices: Sequence[Json], usage: Json | None = None) -> Event:
        return json_event(
            {
                "id": native.get("request_id", ""),
                "choices": choices,
                "created": self._created,
                "model": self._model,
                "object": "chat.completion.chunk",
                "usage": usage,
            }
        )


class _Choice:
    """One choice of a stream: makes OpenAI's deltas of its native messages."""

    def __init__(self, reasoning: str, incremental: bool, role_in_each: bool, reasoning_end: str) -> None:
        self.ended = False
        self._reasoning = reasoning
        self._incremental = incremental
        self._role_in_each = role_in_each
        self._reasoning_end = reasoning_end
        self._sent: dict[str, str] = {}
        self._thinking = False
        self._started = False

    def delta(self, message: Json) -> Json:
        """What is new in the message, empty if nothing is."""
        delta: Json = {}
        reasoning = self._new(message, "reasoning_content")
        content = self._new(message, "content")
        if reasoning and self._reasoning == "concat":
            delta["content"] = ("" if self._thinking else "<think>") + reasoning + self._reasoning_end
            self._thinking = True
        elif reasoning and self._reasoning == "passthrough":
            delta["reasoning_content"] = reasoning
        if content:
            if self._thinking:
                content = (delta.get("content", "") if reasoning else "") + "</think>\n" + content
                self._thinking = False
            delta["content"] = content
        if message.get("tool_calls"):
            delta["tool_calls"] = self._tool_calls(_rows(message, "tool_calls"))
        if delta and (self._role_in_each or not self._started):
            delta = {"role": message.get("role", "assistant"), **delta}
            self._started = True
        return delta

    def _new(self, message: Json, name: str) -> str:
        """Returns the text that was not sent yet: all of it if the output is incremental, else the part after the
        previous text."""
        text = _text(message, name)
        if self._incremental:
            return text
        sent = self._sent.get(name, "")
        self._sent[name] = text
        return text[len(sent) :] if text.startswith(sent) else text

    def _tool_calls(self, calls: Sequence[Json]) -> list[Json]:
        fresh = []
        for position, call in enumerate(calls):
            index = call.get("index", position)
            function = _mapping(call, "function")
            first = f"call {index}" not in self._sent
            self._sent.setdefault(f"call {index}", "")
            arguments = self._new({f"arguments {index}": function.get("arguments")}, f"arguments {index}")
            if first:
                named = {"name": function.get("name", ""), "arguments": arguments}
                fresh.append({"index": index, "id": call.get("id", ""), "type": "function", "function": named})
            elif arguments:
                fresh.append({"index": index, "function": {"arguments": arguments}})
        return fresh


def piece(index: int, delta: Json, finish: str | None = None) -> Json:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}


def _error_event(message: str, native: Json) -> Event:
    code = native.get("code")
    error = {"message": message, "type": "upstream_error", "code": code if isinstance(code, str) else None}
    return json_event({"error": error})


def _object(body: Chunk) -> Json:
    native = body.json()
    if not isinstance(native, dict):
        raise ValueError("DashScope's answer is not a JSON object")
    return native


def _output(native: Json) -> Json:
    output = native.get("output")
    if not isinstance(output, dict):
        raise ValueError(f"DashScope's answer has no output: {native.get('message') or 'nor does it say why'}")
    return output


def _mapping(parent: Json, name: str) -> Json:
    value = parent.get(name)
    if not isinstance(value, dict | None):
        raise ValueError(f"DashScope's '{name}' is not an object")
    return value or {}


def _rows(parent: Json, name: str) -> list[Json]:
    rows = parent.get(name)
    if not isinstance(rows, list | None) or not all(isinstance(row, dict) for row in rows or ()):
        raise ValueError(f"DashScope's '{name}' is not an array of objects")
    return rows or []


def _text(parent: Json, name: str) -> str:
    text = parent.get(name)
    if not isinstance(text, str | None):
        raise ValueError(f"DashScope's '{name}' is not a string")
    return text or ""


def _count(parent: Json, name: str, default: int = 0) -> int:
    count = parent.get(name)
    return count if isinstance(count, int) else default


def _openai_message(message: Json) -> Json:
    """Returns DashScope's message with its content as a text. Multimodal models send a list of parts."""
    shaped = {"role": message.get("role", "assistant"), **message}
    if isinstance(content := shaped.get("content"), list):
        shaped["content"] = content_text(content)
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
    return reason_of(_text(choice, "finish_reason")) or None


def usage_of(native: Json) -> Json:
    usage = _mapping(native, "usage")
    spent, made = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    total = _count(usage, "total_tokens", spent + made)
    return {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": total}

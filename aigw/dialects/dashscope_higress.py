"""DashScope's native form as Higress writes and reads it, sans-io: what its structs do not have is lost, `top_p` is
always sent. What we make of the same requests and answers is in dashscope_openai.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from aigw.core.document import Document
from aigw.core.model import Batch
from aigw.dialects.dashscope_openai import (
    DUMMY_SYSTEM,
    MULTIMODAL_PATH,
    TEXT_PATH,
    files_text,
    model_of,
    texts_of,
    top_p_of,
)
from aigw.dialects.dashscope_openai_reply import decode_chat as decode_native_chat
from aigw.dialects.dashscope_openai_reply import plain_usage_of
from aigw.dialects.dashscope_openai_stream import StreamDecoder, piece
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.sse import Event
from aigw.higress.chat_structs import MESSAGE, QWEN_MESSAGE, QWEN_PARAMETERS, QWEN_PART
from aigw.higress.go_json import written
from aigw.higress.values import truthy

_PARAMETERS = ("max_tokens", "n", "seed", "temperature", "tools")


decode_chat = partial(decode_native_chat, usage=plain_usage_of)


def generation_path(model: str, request: Document | None = None) -> str:
    return MULTIMODAL_PATH if model.startswith("qwen-vl") else TEXT_PATH


def encode_chat(
    request: Document, *, search: bool = False, file_ids: Sequence[str] = (), context: str | None = None
) -> bytes:
    """The native body of a chat request. Raises ValueError naming a field that is not what OpenAI's API takes."""
    model, tools = model_of(request), request.get("tools")
    parameters = {
        "result_format": "message",
        **{name: request.get(name) for name in _PARAMETERS},
        "top_p": top_p_of(request),
        "incremental_output": truthy(request.get("stream")) and not tools,
        "enable_search": search,
    }
    messages = _messages(request)
    if file_ids and model == "qwen-long":
        messages = _with_system(messages, files_text(file_ids), joined=True)
    elif context is not None:
        messages = _with_system(messages, context)
    return encoded(
        {"model": model, "input": {"messages": messages}, "parameters": written(parameters, QWEN_PARAMETERS)}
    )


def encode_embeddings(request: Document) -> bytes:
    return encoded({"model": request.get("model", ""), "input": {"texts": texts_of(request)}, "parameters": {}})


def _messages(request: Document) -> list[Json]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise ValueError("messages: must be an array of objects")
    return [_message(written(message, MESSAGE)) for message in messages]


def _message(message: Json) -> Json:
    content = message.get("content")
    return {**written(message, QWEN_MESSAGE), "content": content if isinstance(content, str) else _parts(content)}


def _parts(content: Any) -> list[Json] | None:
    """Texts and images; of a sound or a file an empty object is left, of anything else nothing."""
    parts: list[Json] = []
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        value = part.get(kind) if isinstance(kind, str) else None
        if kind == "text" and isinstance(value, str):
            parts.append(written({"text": value}, QWEN_PART))
        elif kind == "image_url" and isinstance(value, dict):
            parts.append(written({"image": value.get("url")}, QWEN_PART))
        elif kind in ("input_audio", "file") and isinstance(value, dict):
            parts.append({})
    return parts or None


def _with_system(messages: list[Json], text: str, *, joined: bool = False) -> list[Json]:
    """Returns the messages with one more system message, behind the leading system messages. With `joined`, these are
    joined into one. If there are none, or only system messages, DUMMY_SYSTEM stands in front."""
    leading = next((at for at, message in enumerate(messages) if message["role"] != "system"), 0)
    before = messages[:leading] or [_system(DUMMY_SYSTEM)]
    if joined and leading:
        before = [_system("\n".join([_text(message["content"]) for message in before]))]
    return [*before, _system(text), *messages[leading:]]


def _system(text: str) -> Json:
    return {"role": "system", "content": text}


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join([part.get("text", "") for part in content or ()])


class HigressStream(StreamDecoder):
    """Takes only the first choice, tells usage in an event with a choice, whether it was asked for or not, and has no
    end mark."""

    role_in_each: ClassVar[bool] = True
    reasoning_end: ClassVar[str] = "\n"

    def indexed(self, choices: Sequence[Json]) -> list[tuple[Json, int]]:
        return [(choice, 0) for choice in choices[:1]]

    def tell_usage(self, native: Json) -> list[Event]:
        return [self.chunk(native, [piece(0, {})], plain_usage_of(native))]

    def end(self) -> Batch:
        return []

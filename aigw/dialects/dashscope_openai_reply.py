"""Converts DashScope's native answers into OpenAI's. Sans-io. dashscope_openai_stream.py has streams.

A value of a wrong type raises ValueError. Higress's own results have fewer details of usage."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.model import Chunk
from aigw.dialects.dashscope import content_text, reason_of
from aigw.dialects.json_values import Json, encoded


def decode_chat(
    body: Chunk, *, model: str, created: int, reasoning: str, promote: bool, usage: Callable[[Json], Json] | None = None
) -> bytes:
    """Returns a native answer in OpenAI's format. `reasoning` is passthrough, ignore or concat. Raises ValueError if it
    is not a native answer."""
    native = _object(body)
    choices = []
    for index, choice in enumerate(rows(output_of(native), "choices")):
        message = openai_message(mapping(choice, "message"))
        _shape_reasoning(message, reasoning, promote)
        choices.append({"index": index, "message": message, "finish_reason": finish_of(choice), "logprobs": None})
    return encoded(
        {
            "id": native.get("request_id", ""),
            "choices": choices,
            "created": created,
            "model": model,
            "object": "chat.completion",
            "usage": (usage or usage_of)(native),
        }
    )


def decode_embeddings(body: Chunk, *, model: str) -> bytes:
    """Returns native embeddings in OpenAI's format. Raises ValueError if the body is not native embeddings."""
    native = _object(body)
    total = _count(mapping(native, "usage"), "total_tokens")
    data = [
        {"object": "embedding", "index": item.get("text_index", 0), "embedding": item.get("embedding")}
        for item in rows(output_of(native), "embeddings")
    ]
    usage = {"prompt_tokens": total, "total_tokens": total}
    return encoded({"object": "list", "data": data, "model": model, "usage": usage})


def _object(body: Chunk) -> Json:
    native = body.json()
    if not isinstance(native, dict):
        raise ValueError("DashScope's answer is not a JSON object")
    return native


def output_of(native: Json) -> Json:
    output = native.get("output")
    if not isinstance(output, dict):
        raise ValueError(f"DashScope's answer has no output: {native.get('message') or 'nor does it say why'}")
    return output


def mapping(parent: Json, name: str) -> Json:
    value = parent.get(name)
    if not isinstance(value, dict | None):
        raise ValueError(f"DashScope's '{name}' is not an object")
    return value or {}


def rows(parent: Json, name: str) -> list[Json]:
    rows = parent.get(name)
    if not isinstance(rows, list | None) or not all(isinstance(row, dict) for row in rows or ()):
        raise ValueError(f"DashScope's '{name}' is not an array of objects")
    return rows or []


def text_field(parent: Json, name: str) -> str:
    text = parent.get(name)
    if not isinstance(text, str | None):
        raise ValueError(f"DashScope's '{name}' is not a string")
    return text or ""


def _count(parent: Json, name: str, default: int = 0) -> int:
    count = parent.get(name)
    return count if isinstance(count, int) else default


def openai_message(message: Json) -> Json:
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


def finish_of(choice: Json) -> str | None:
    return reason_of(text_field(choice, "finish_reason")) or None


def usage_of(native: Json) -> Json:
    """Returns the usage with its details: cached tokens, reasoning, images and sounds."""
    usage = mapping(native, "usage")
    read = {**_details(usage, "input_tokens_details"), **_details(usage, "prompt_tokens_details")}
    made = {**_details(usage, "output_tokens_details"), **_details(usage, "completion_tokens_details")}
    for name in ("cached_tokens", "image_tokens", "video_tokens", "audio_tokens"):
        if name in usage and name not in made:
            read.setdefault(name, usage[name])
    if "reasoning_tokens" in usage:
        made.setdefault("reasoning_tokens", usage["reasoning_tokens"])
    details = {"prompt_tokens_details": read, "completion_tokens_details": made}
    return {**plain_usage_of(native), **{name: each for name, each in details.items() if each}}


def plain_usage_of(native: Json) -> Json:
    """Returns the usage without details, as Higress does."""
    usage = mapping(native, "usage")
    spent, made = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    total = _count(usage, "total_tokens", spent + made)
    return {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": total}


def _details(usage: Json, name: str) -> Json:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}

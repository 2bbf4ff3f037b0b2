"""Converts requests of OpenAI's API into DashScope's native API. Sans-io.

https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope. dashscope_higress.py has what Higress makes of the same
requests. A value of a wrong type raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.core.document import Document
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.openai_chat_request import messages_of, system_message
from aigw.higress.values import truthy

TEXT_PATH = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL_PATH = "/api/v1/services/aigc/multimodal-generation/generation"

_ELSEWHERE = frozenset(("model", "messages", "stream", "stream_options", "max_completion_tokens"))
"""The fields that do not become parameters."""
_OPENAIS = frozenset((
    "audio", "frequency_penalty", "function_call", "logit_bias", "metadata", "modalities", "moderation", "prediction",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "safety_identifier",
    "service_tier", "store", "user", "verbosity", "web_search_options",
))  # fmt: skip
"""The fields of OpenAI that DashScope does not have. All others are DashScope's own, or those of both."""
_USUAL: Json = {"modalities": ["text"], "service_tier": "auto"}
_NOTHING: tuple[Any, ...] = (None, [])
_TOP_P_MIN, _TOP_P_MAX = 1e-6, 0.999999
DUMMY_SYSTEM = "You are a helpful assistant."
"""Stands in front of files and of the context where the client has no system message."""


_MULTIMODAL = re.compile(
    r"(?:^|[-_./:\d])(?:vl|qvq|omni|audio|asr|tts|ocr|gui|image|livetranslate|captioner)(?:$|[-_./:\d])"
)
"""Matches the names of models that see or hear, such as qwen2.5-vl-72b-instruct, qvq-max and qwen3-omni-flash."""
_GENERATION = re.compile(r"(?:^|[-_./:])qwen(\d+)\.(\d+)(?:$|-)(?!.*(?:max|coder))")
_FIRST_SEEING = (3, 5)
"""The first version of Qwen whose models see images, except for those named max and coder."""
_MEDIUM = re.compile(rb'"type"\s*:\s*"(?:image_url|input_audio|video_url|video)"')


def generation_path(model: str, request: Document | None = None) -> str:
    """Returns the path for a model and a chat request: the text path knows no media."""
    return MULTIMODAL_PATH if _is_multimodal(model, request) else TEXT_PATH


def _is_multimodal(model: str, request: Document | None) -> bool:
    name = model.lower()
    generation = _GENERATION.search(name)
    sees = generation is not None and (int(generation[1]), int(generation[2])) >= _FIRST_SEEING
    return sees or _MULTIMODAL.search(name) is not None or _shows_media(request)


def _shows_media(request: Document | None) -> bool:
    return request is not None and _MEDIUM.search(request.raw("messages") or b"") is not None


def check(request: Document, *, has_default: bool, quoted: str = "") -> None:
    """Makes the checks that Higress makes before it converts a request. `has_default`: there is a model for requests
    that name none. `quoted` is the body as the message quotes it. Raises ValueError."""
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
    if request.get("functions"):
        raise ValueError("functions: DashScope has no such form of tools; use tools")
    parameters: Json = {"result_format": "message"}
    for name in request.names():
        if name not in _ELSEWHERE and name not in _OPENAIS and (value := request.get(name)) not in _NOTHING:
            parameters[name] = value
    if "max_tokens" not in parameters and request.get("max_completion_tokens"):
        parameters["max_tokens"] = request.get("max_completion_tokens")
    if "top_p" in parameters:
        parameters["top_p"] = top_p_of(request)
    if truthy(request.get("stream")):
        parameters["incremental_output"] = True
    if search:
        parameters["enable_search"] = True
    model = model_of(request)
    messages = messages_of(request)
    if _is_multimodal(model, request):
        for message in messages:
            message.set("content", _parts(message.get("content")))
    _insert_system(messages, file_ids=file_ids if model.startswith("qwen-long") else (), context=context)
    raws = [msgspec.Raw(message.encode()) for message in messages]
    return encoded({"model": model, "input": {"messages": raws}, "parameters": parameters})


def lost_of(request: Document) -> list[str]:
    """Returns the fields of a chat request that DashScope does not have, unless they ask for nothing."""
    asked = {name: request.get(name) for name in request.names() if name in _OPENAIS}
    return [
        name for name, value in asked.items() if (value and value != _USUAL.get(name)) or name == "web_search_options"
    ]


def model_of(request: Document) -> str:
    """Raises ValueError if it is no text."""
    model = request.get("model", "")
    if not isinstance(model, str):
        raise ValueError("model: must be a string")
    return model


def top_p_of(request: Document) -> float:
    """Returns `top_p` as DashScope accepts it, which is neither 0 nor 1. A missing one counts as 0. Raises ValueError
    if it is no number."""
    top_p = request.get("top_p")
    if not isinstance(top_p, int | float | None) or isinstance(top_p, bool):
        raise ValueError("top_p: must be a number")
    return max(_TOP_P_MIN, min(_TOP_P_MAX, top_p or 0))


def files_text(file_ids: Sequence[str]) -> str:
    """Returns the text of a system message that names files."""
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
    """Returns a part as DashScope has it. Fields that only DashScope knows (min_pixels, fps) stay."""
    kind = part.get("type")
    if kind not in _MEDIA:
        if kind is not None and "text" not in part:
            raise ValueError(f"messages: DashScope has no part of the type {kind}")
        return {name: value for name, value in part.items() if name != "type"}
    name = _MEDIA[kind]
    value = part.get(kind)
    if kind == "video":
        return {**_extras(part, kind), name: value}
    if not isinstance(value, dict):
        raise ValueError(f"messages: {kind} must be an object with a {'data' if name == 'audio' else 'url'}")
    return {**_extras(part, kind), name: _sound(value) if name == "audio" else value.get("url", "")}


_MEDIA = {"image_url": "image", "input_audio": "audio", "video_url": "video", "video": "video"}
"""The types of OpenAI's parts, and of those that DashScope adds to them, and what they are called in native ones."""


def _extras(part: Json, kind: str) -> Json:
    return {name: value for name, value in part.items() if name not in ("type", kind)}


def _sound(value: Json) -> Any:
    """Returns the URL of a sound. OpenAI's clients send the bytes and the format; URLs stay."""
    data = value.get("data")
    if not isinstance(data, str) or data.startswith(("data:", "http://", "https://", "oss://")):
        return data
    return f"data:audio/{value.get('format') or 'wav'};base64,{data}"


def encode_embeddings(request: Document) -> bytes:
    parameters = {"dimension": request.get("dimensions")} if request.get("dimensions") else {}
    body = {"model": request.get("model", ""), "input": {"texts": texts_of(request)}, "parameters": parameters}
    return encoded(body)


def texts_of(request: Document) -> Any:
    """Returns the texts to embed. A single text becomes an array."""
    texts = request.get("input")
    return [texts] if isinstance(texts, str) else texts

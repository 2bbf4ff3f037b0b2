"""Writes the request of a client who asks for a template: which API it is for, and what is beside the template's name.

Rule: the fields of a template tell its API. A conversation with `system` beside it is for Messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aigw.dialects import apis
from aigw.dialects.json_values import Json
from aigw.higress.template import PROPERTIES, TEMPLATE

MAX_TOKENS = 4096
"""The Messages API wants a limit. This one is sent if the template has none."""
_APIS = (
    ("contents", apis.GENERATE_CONTENT),
    ("system", apis.MESSAGES),
    ("messages", apis.CHAT),
    ("prompt", apis.COMPLETIONS),
    ("input", apis.RESPONSES),
    ("instructions", apis.RESPONSES),
)


def api_of(fields: Iterable[str]) -> str:
    """Returns the API for which a template with these fields is."""
    there = set(fields)
    return next((api for name, api in _APIS if name in there), apis.CHAT)


def model_in(fields: Mapping[str, Any]) -> str:
    """The model that a template names, "" if it names none."""
    model = fields.get("model")
    return model if isinstance(model, str) else ""


def call(api: str, name: str, fields: Iterable[str], values: Mapping[str, Any]) -> Json:
    """Returns the body of a request for the template of this name and fields."""
    beside = {"max_tokens": MAX_TOKENS} if api == apis.MESSAGES and "max_tokens" not in fields else {}
    return {TEMPLATE: name, PROPERTIES: dict(values), **beside}


def with_model(api: str, path: str, body: Json, model: str) -> tuple[str, Json]:
    """Returns the path and the body of a request for this model, wherever its API has it."""
    if apis.model_of(path):
        return apis.with_model(path, model), {name: value for name, value in body.items() if name != "model"}
    return path, {**body, "model": model}


def streamed(api: str, path: str, body: Json) -> tuple[str, Json]:
    """Returns the path and the body of the same request for a stream that tells its usage."""
    if api == apis.GENERATE_CONTENT:
        return path.replace(":generateContent", ":streamGenerateContent") + "?alt=sse", body
    beside = {"stream_options": {"include_usage": True}} if api in apis.INCLUDE_USAGE else {}
    return path, {**body, "stream": True, **beside}

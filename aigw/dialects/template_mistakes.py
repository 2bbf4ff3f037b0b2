"""What is wrong in the template of a request, whatever it is filled with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw.core.json_path import JsonPath

_MESSAGE = "{role: user, content: 'Hello {{name}}'}"


def mistakes(fields: Mapping[str, Any]) -> Iterator[tuple[JsonPath, str]]:
    """Finds what no API takes, with its place in the template."""
    if not isinstance(fields.get("model", ""), str):
        yield ("model",), "must be the name of a model; put it in quotes"
    messages = fields.get("messages", [])
    if not isinstance(messages, list):
        yield ("messages",), f"must be a list of messages, such as [{_MESSAGE}]"
        return
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            yield ("messages", index), f"must be a message, such as {_MESSAGE}"
            continue
        if not isinstance(message.get("role", ""), str):
            yield ("messages", index, "role"), "must be text; put it in quotes"
        if not isinstance(message.get("content"), str | list | None):
            yield ("messages", index, "content"), "must be text or a list of parts; put a text in quotes"

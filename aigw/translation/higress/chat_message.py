"""What Higress reads of the content of a chat message: its text, and its parts. Others than these parts are dropped."""

from __future__ import annotations

from typing import Any, NamedTuple

from aigw.dialects.json_values import Json
from aigw.dialects.view import rows_of


class Part(NamedTuple):
    """A part of a message. `value` is the text, the URL of an image or the id of a file."""

    kind: str
    value: str


_INSIDE = {"image_url": "url", "file": "file_id"}
"""Type of a part -> the field with its value in the object of this name."""


def string_content(message: Json) -> str:
    """Returns the text. Each text of a list ends with a line break."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join([f"{part.value}\n" for part in parts_of(message) if part.kind == "text"])


def parts_of(message: Json) -> list[Part]:
    content = message.get("content")
    if isinstance(content, str):
        return [Part("text", content)]
    found = [(row.get("type"), _value_of(row)) for row in rows_of(content)]
    return [Part(kind, value) for kind, value in found if isinstance(kind, str) and value is not None]


def _value_of(row: Json) -> str | None:
    kind = row.get("type")
    value: Any = row.get("text") if kind == "text" else None
    if isinstance(kind, str) and kind in _INSIDE and isinstance(inside := row.get(kind), dict):
        value = inside.get(_INSIDE[kind])
    return value if isinstance(value, str) else None


def data_url(url: str) -> tuple[str, str] | None:
    """Returns the type and the bytes in base64 of a `data:` URL, None if it has no type."""
    head, separator, data = url.removeprefix("data:").partition(";")
    return (head, data.removeprefix("base64,")) if separator else None

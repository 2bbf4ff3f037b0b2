"""Finds the images in a prompt, in every format in which one is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def images_in(prompt: Any) -> Iterator[str]:
    """Yields where each image is: a URL, or a `data:` URL with the image itself. Not recursive, because a client may
    nest values deeply."""
    waiting = [prompt]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            if image := _image(value):
                yield image
            else:
                waiting += reversed(list(value.values()))


def _image(part: dict[str, Any]) -> str:
    """The image that this part is, "" if it is none."""
    url = part.get("image_url")
    if isinstance(url, dict):
        url = url.get("url")
    if isinstance(url, str):
        return url
    source = part.get("source") if part.get("type") == "image" else None
    if isinstance(source, dict):
        url = source.get("url")
        return url if isinstance(url, str) else _data(source.get("media_type"), source.get("data"))
    for name in ("inlineData", "inline_data"):
        if isinstance(inline := part.get(name), dict):
            kind = inline.get("mimeType") or inline.get("mime_type")
            return _data(kind, inline.get("data")) if str(kind).startswith("image/") else ""
    return ""


def _data(kind: Any, data: Any) -> str:
    return f"data:{kind};base64,{data}" if isinstance(kind, str) and isinstance(data, str) else ""

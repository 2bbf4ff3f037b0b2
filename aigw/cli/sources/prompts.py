"""What a user asks: words of the command line, what comes through a pipe, pictures, and passages of a collection."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from aigw.core.retrieval import Hit
from aigw.dialects.chat_request import Said
from aigw.plugins.ai_rag.context import NOTE, fenced

MOST_BYTES = 64 << 20
"""The largest picture, and the most bytes that are read from a pipe. A gateway would refuse more."""
_URLS = ("http://", "https://", "data:")
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
"""The bytes by which pictures that models read are recognized, and where these bytes stand."""


def asked(words: Sequence[str], piped: BinaryIO | None) -> str:
    """Joins what came through the pipe and, behind it, the words of the command line. Raises ValueError."""
    before = _text(piped).strip("\n") if piped is not None else ""
    return "\n\n".join(filter(None, [before, " ".join(words).encode("utf-8", "replace").decode().strip()]))


def _text(piped: BinaryIO) -> str:
    data = piped.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MiB come through the pipe")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"what comes through the pipe is no UTF-8 (byte {error.start}); --image takes pictures"
        ) from None


def message(text: str, images: Sequence[str]) -> Said:
    """Makes the user's message. Raises ValueError if a picture cannot be read."""
    return Said("user", text, [_url(each) for each in images])


def with_passages(text: str, hits: Sequence[Hit]) -> str:
    """The question behind passages that were found for it, as ai-rag writes them."""
    if not hits:
        return text
    return "\n\n".join([NOTE, *(fenced(number, hit) for number, hit in enumerate(hits, start=1)), text])


def _url(image: str) -> str:
    if image.lower().startswith(_URLS):
        return image
    try:
        with Path(image).expanduser().open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"--image {image}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"--image {image}: it has more than {MOST_BYTES >> 20} MiB")
    kind = next((kind for start, at, kind in _KINDS if data[at:].startswith(start)), "")
    if not kind:
        raise ValueError(f"--image {image}: it is no PNG, JPEG, GIF or WebP")
    return f"data:{kind};base64,{b64encode(data).decode()}"

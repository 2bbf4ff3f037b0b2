"""Reads and writes the model of a request, in a field of a JSON object or of a form, for model-router and model-mapper.

Rule: any other body is left alone."""

from __future__ import annotations

from aigw.core.model import Request
from aigw.dialects import form

SUFFIXES = (
    "/completions", "/embeddings", "/images/generations", "/audio/speech", "/fine_tuning/jobs", "/moderations",
    "/image-synthesis", "/video-synthesis", "/rerank", "/messages", "/responses",
)  # fmt: skip
"""The bodies of requests have a model if the path ends with one of these. The list is that of Higress's plugins."""

ANY = "*"


def suffixes(given: list[str] | None) -> tuple[str, ...]:
    """Returns the suffixes of `enableOnPathSuffix` for `str.endswith`. For "*" it returns "", with which every path
    ends."""
    chosen = SUFFIXES if given is None else tuple(given)
    return ("",) if ANY in chosen else chosen


async def read(request: Request, key: str) -> str | None:
    """Returns the model, "" if the field is missing or not a text, None if the body is neither JSON nor a form. A form
    is read into memory, because the model may come after the files."""
    if request.is_json:
        try:
            model = request.document.get(key)
        except ValueError:
            return None
        return model if isinstance(model, str) else ""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data") or "content-encoding" in request.headers:
        return None
    if request.stream is not None:
        request.body, request.stream = b"".join([piece async for piece in request.stream]), None
    place = form.find(request.body, kind, key)
    return "" if place is None else request.body[place].decode("utf-8", "replace")


def as_header(model: str) -> str:
    """Returns a model as the value of a header. `?` replaces line breaks and the like, because the client chose the
    text, and could add headers with them."""
    return "".join(character if character.isprintable() else "?" for character in model)


def write(request: Request, key: str, model: str) -> None:
    """Replaces the model that `read` found. A form without the field is not changed."""
    if request.is_json:
        request.document.set(key, model)
        return
    place = form.find(request.body, request.headers.get("content-type", ""), key)
    if place is not None:
        request.replace_body(request.body[: place.start] + model.encode() + request.body[place.stop :])

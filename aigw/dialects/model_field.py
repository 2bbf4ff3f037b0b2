"""Where a request names its model: a field of a JSON object, or of a form. What model-router and model-mapper share.

Rule: a body that is neither, or has no such field, is nobody's business here."""

from __future__ import annotations

from aigw.core.model import Request
from aigw.dialects import form

SUFFIXES = (
    "/completions", "/embeddings", "/images/generations", "/audio/speech", "/fine_tuning/jobs", "/moderations",
    "/image-synthesis", "/video-synthesis", "/rerank", "/messages", "/responses",
)  # fmt: skip
"""Ends of the paths whose bodies name a model, as Higress's plugins have them."""

ANY = "*"


def suffixes(given: list[str] | None) -> tuple[str, ...]:
    """What `enableOnPathSuffix` says, for `str.endswith`: every path ends with ""."""
    chosen = SUFFIXES if given is None else tuple(given)
    return ("",) if ANY in chosen else chosen


async def read(request: Request, key: str) -> str | None:
    """The model, "" where the field is missing or no text; None where the body is of another kind. A form is read into
    memory: its model may stand behind its files."""
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
    """A model is the client's text; a line break would make two headers of it."""
    return "".join(character if character.isprintable() else "?" for character in model)


def write(request: Request, key: str, model: str) -> None:
    """Puts another model where `read` found one; a form without the field stays as it is."""
    if request.is_json:
        request.document.set(key, model)
        return
    place = form.find(request.body, request.headers.get("content-type", ""), key)
    if place is not None:
        request.replace_body(request.body[: place.start] + model.encode() + request.body[place.stop :])

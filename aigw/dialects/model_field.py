"""Where a request names its model: a field of a JSON object, or of a form, or the path (Gemini). What model-router and
model-mapper share.

Rule: a request that has it nowhere is nobody's business here. Higress knows nothing of paths."""

from __future__ import annotations

from urllib.parse import unquote

from aigw.core.model import Request
from aigw.dialects import apis, form

SUFFIXES = (
    "/completions", "/embeddings", "/images/generations", "/audio/speech", "/fine_tuning/jobs", "/moderations",
    "/image-synthesis", "/video-synthesis", "/rerank", "/messages", "/responses",
)  # fmt: skip
"""Ends of the paths whose bodies name a model, as Higress's plugins have them."""

VERBS = (":generateContent", ":streamGenerateContent")
"""Ends of the paths that name a model themselves."""

ANY = "*"


class ModelField:
    """`key` is the field's name. `suffixes` are what `enableOnPathSuffix` says, None for all that are known to name a
    model."""

    def __init__(self, key: str, suffixes: list[str] | None, *, higress: bool) -> None:
        self._key = key
        self._in_paths = not higress
        chosen = (*SUFFIXES, *(() if higress else VERBS)) if suffixes is None else tuple(suffixes)
        self._suffixes = ("",) if ANY in chosen else chosen  # every path ends with ""

    def counts(self, path: str) -> bool:
        """Whether requests with this path are looked at."""
        return path.endswith(self._suffixes)

    async def read(self, request: Request) -> str | None:
        """The model, "" where the field is missing or no text; None where the body is of another kind. A form is read
        into memory: its model may stand behind its files."""
        if self._in_paths and (named := apis.model_of(request.path)):
            return unquote(named)
        if request.is_json:
            try:
                model = request.document.get(self._key)
            except ValueError:
                return None
            return model if isinstance(model, str) else ""
        kind = request.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data") or "content-encoding" in request.headers:
            return None
        if request.stream is not None:
            request.body, request.stream = b"".join([piece async for piece in request.stream]), None
        place = form.find(request.body, kind, self._key)
        return "" if place is None else request.body[place].decode("utf-8", "replace")

    def write(self, request: Request, model: str) -> None:
        """Puts another model where `read` found one; a form without the field stays as it is."""
        if self._in_paths and apis.model_of(request.path):
            request.path = apis.with_model(request.path, model)
        elif request.is_json:
            request.document.set(self._key, model)
        elif place := form.find(request.body, request.headers.get("content-type", ""), self._key):
            request.replace_body(request.body[: place.start] + model.encode() + request.body[place.stop :])


def as_header(model: str) -> str:
    """A model is the client's text; a line break would make two headers of it."""
    return "".join(character if character.isprintable() else "?" for character in model)

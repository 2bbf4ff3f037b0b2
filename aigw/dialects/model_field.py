"""Reads and writes the model of a request, for model-router and model-mapper. The model is in a field of a JSON object
or of a form, or in the path (Gemini, Azure's deployments).

Rule: a request without a model is left alone. Higress does not read the model from the path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from aigw.core.document import Document
from aigw.core.model import Request
from aigw.dialects import apis, form

SUFFIXES = (
    "/completions", "/embeddings", "/images/generations", "/audio/speech", "/fine_tuning/jobs", "/moderations",
    "/image-synthesis", "/video-synthesis", "/rerank", "/messages", "/responses",
)  # fmt: skip
"""The bodies of requests have a model if the path ends with one of these. The list is that of Higress's plugins."""

FORM_SUFFIXES = ("/audio/transcriptions", "/audio/translations", "/images/edits", "/images/variations", "/videos")
"""Requests with these paths are forms, which have a model, too."""

VERBS = tuple(f":{verb}" for verb in apis.VERBS)
"""A path that ends with one of these has the model itself."""

ANY = "*"
_DOT = re.compile(r"(?<!\\)\.")
_MISSING = object()


class ModelField:
    """Reads and writes the model of requests. `key` is the name of the field, or the path to it in a JSON body, with
    dots between the names (a dot of a name has a backslash before it). `suffixes` is the value of
    `enableOnPathSuffix`; None stands for all paths that are known to have a model. With `higress`, the model in a path
    is ignored, forms are read only where `suffixes` says so, and of several models in a form the first one counts."""

    def __init__(self, key: str, suffixes: list[str] | None, *, higress: bool) -> None:
        self._key = key
        self._names = [name.replace("\\.", ".") for name in _DOT.split(key)]
        self._safe = not higress
        chosen = (*SUFFIXES, *(() if higress else (*FORM_SUFFIXES, *VERBS))) if suffixes is None else tuple(suffixes)
        self._suffixes = ("",) if ANY in chosen else chosen  # every path ends with ""

    def counts(self, path: str) -> bool:
        """Whether the plugins handle requests with this path."""
        return path.endswith(self._suffixes)

    async def read(self, request: Request) -> str | None:
        """Returns the model, "" if the field is missing or not a text, None if the body is neither JSON nor a form. A
        large form without the model in its beginning is read into memory."""
        if self._safe and (named := apis.model_of(request.path)):
            return unquote(named)
        if request.is_json:
            try:
                model = self._value(request.document)
            except ValueError:
                return None
            return model if isinstance(model, str) else ""
        kind = request.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data") or "content-encoding" in request.headers:
            return None
        if form.find(request.body, kind, self._key) is None:
            await form.hold(request)
        return self._in_form(request)

    def _value(self, document: Document) -> Any:
        """Raises ValueError."""
        first, *inner = self._names
        value = document.get(first)
        for name in inner:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def _in_form(self, request: Request) -> str | None:
        """Returns the model in a form, "" if there is none, and None if there are several and nobody knows which one
        the provider uses. With `higress`, the first one counts."""
        if self._safe:
            with suppress(ValueError):
                return form.text(request, self._key) or ""
            return None
        place = form.find(request.body, request.headers.get("content-type", ""), self._key)
        return "" if place is None else request.body[place].decode("utf-8", "replace")

    def write(self, request: Request, model: str) -> None:
        """Replaces the model that `read` found. With `higress`, a form without the field is not changed."""
        if self._safe and apis.model_of(request.path):
            request.path = apis.with_model(request.path, model)
        elif request.is_json:
            first, *inner = self._names
            request.document.set(first, _put(request.document.get(first), inner, model))
        else:
            form.put(request, self._key, model, adds=self._safe)


def _put(value: Any, names: Sequence[str], model: str) -> Any:
    """Returns a value with the model at this path in it. What is no object on the way becomes one."""
    if not names:
        return model
    fields = value if isinstance(value, dict) else {}
    return {**fields, names[0]: _put(fields.get(names[0]), names[1:], model)}


def ask_for(request: Request, model: str) -> None:
    """Puts another model where a request names one. One that names none is left alone."""
    if apis.model_of(request.path):
        request.path = apis.with_model(request.path, model)
    elif request.is_json and request.body:
        with suppress(ValueError):
            set_model(request.document, model, adds=False)
            request.seal()
    elif form.is_form(request):
        form.put(request, "model", model, adds=False)


def name_deployment(request: Request) -> None:
    """Gives the body of a request to an Azure deployment the model of its path, as all other bodies have it."""
    model = unquote(apis.model_of(request.path))
    request.parse()
    if request.parsed is not None:
        set_model(request.parsed, model, adds=True)
    elif form.is_form(request):
        form.put(request, "model", model, adds=True)


def named_model(document: Document) -> str | None:
    """Returns the model in a JSON body of OpenAI's APIs, "" if there is none, and None if its value is no text."""
    model = document.get("model")
    return "" if model is None else model if isinstance(model, str) else None


def set_model(document: Document, model: str, *, adds: bool) -> None:
    """Puts another model where `named_model` found one; `adds`: also where there is none."""
    named = document.get("model", _MISSING)
    if adds if named is _MISSING else named != model:
        document.set("model", model)


def as_header(model: str) -> str:
    """Returns a model as the value of a header. `?` replaces line breaks and the like, because the client chose the
    text, and could add headers with them."""
    return "".join(character if character.isprintable() else "?" for character in model)

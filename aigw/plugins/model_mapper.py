"""model-mapper: replaces the model of a request by another, and writes the new one into a header.

The exact name wins, then a prefix, then `*`. An empty target keeps the model. Higress tries prefixes in alphabetical
order, so that `gpt-*` wins over `gpt-4*`. With `safe`, the longest prefix wins, and the header has the model also if
the target is empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from msgspec import Meta, Struct

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Description, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.dialects.model_field import ModelField, as_header


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Replaces the model of a request by another.

    The exact name wins, then a prefix, then `*`. The model may be in JSON, in a form (audio, images), or in a path of
    Gemini's API."""

    model_key: Annotated[
        str, Meta(min_length=1, description="the field of the body that has the model, or its path: `request.model`")
    ] = "model"
    model_mapping: Annotated[
        dict[str, str] | list[Any], Meta(description='model, `prefix*` or `*` -> the new model; "" keeps the model')
    ] = {}
    model_to_header: Annotated[str, Meta(description="the header that gets the new model; empty: none")] = (
        "x-higress-llm-model-final"
    )
    enable_on_path_suffix: Annotated[
        list[str] | None, Meta(description='only for paths that end so; "*" for all. Missing: the paths of LLM APIs')
    ] = None


def check(config: Config) -> list[Problem]:
    if isinstance(config.model_mapping, list):
        return [Problem(("modelMapping",), "modelMapping must be an object")]  # Higress's words
    prefixes = _by_text(config.model_mapping)
    return [
        Problem(("modelMapping", longer), f"is never used in Higress, where {shorter!r} comes first", note=True)
        for position, longer in enumerate(prefixes)
        for shorter in prefixes[:position]
        if longer.startswith(shorter[:-1])
    ]


def describes(config: Config) -> Description:
    default = config.model_mapping.get("*") if isinstance(config.model_mapping, dict) else ""
    return Description(models=[default] if default else [])


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield ModelMapper(config, higress=env.choose(safe=False, higress=True))


class ModelMapper:
    def __init__(self, config: Config, *, higress: bool) -> None:
        mapping = dict(config.model_mapping)
        prefixes = _by_text(mapping)
        if not higress:
            prefixes.sort(key=len, reverse=True)
        self._higress = higress
        self._header = config.model_to_header
        self._field = ModelField(config.model_key, config.enable_on_path_suffix, higress=higress)
        self._exact = {name: target for name, target in mapping.items() if not name.endswith("*")}
        self._prefixes = [(prefix[:-1], mapping[prefix]) for prefix in prefixes]
        self._default = mapping.get("*")

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if self._field.counts(request.path):
            model = await self._field.read(request)
            if model is not None:
                target = self._target(model)
                if target not in ("", model):
                    self._field.write(request, target)
                if self._header:
                    named = target if self._higress else target or model
                    request.headers[self._header] = as_header(named)
        return await call_next(exchange)

    def _target(self, model: str) -> str:
        if model in self._exact:
            return self._exact[model]
        if model:
            for prefix, target in self._prefixes:
                if model.startswith(prefix):
                    return target
        return model if self._default is None else self._default


def _by_text(mapping: dict[str, str]) -> list[str]:
    """Returns the prefixes in alphabetical order, as Higress tries them."""
    return sorted(name for name in mapping if name.endswith("*") and name != "*")


ABOUT = About(
    config=Config,
    build=build,
    place=Place("AUTHN", 800),
    recipe="model-routes",
    check=check,
    describes=describes,
    differences=(
        Difference("`gpt-*` and `gpt-4*`", "the longer prefix wins", "the first in alphabetical order wins"),
        Difference("the header if the target is empty", "has the old model", "is empty"),
        Difference("a model in the path (Gemini, Azure)", "is read and replaced", "is ignored"),
        Difference("forms (audio, edited images)", "are read", "only if `enableOnPathSuffix` names their paths"),
    ),
)

"""model-mapper: replaces the model that a request names by another, and says which in a header.

The exact name wins, then a prefix, then `*`; an empty target keeps the model. Higress tries prefixes in the order of
their text, so that `gpt-*` beats `gpt-4*`; `safe` takes the longest, and says in the header what the model is also
where the target is empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from msgspec import Meta, Struct

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.dialects.model_field import ModelField, as_header


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Replaces the model that a request names by another.

    The exact name wins, then a prefix, then `*`. It reads forms (audio, images) and Gemini's paths as well as JSON."""

    model_key: Annotated[str, Meta(min_length=1, description="the body's field that names the model")] = "model"
    model_mapping: Annotated[
        dict[str, str] | list[Any], Meta(description='model, `prefix*` or `*` -> the model to use; "" keeps it')
    ] = {}
    model_to_header: Annotated[str, Meta(description="the header that gets the model that is used")] = (
        "x-higress-llm-model-final"
    )
    enable_on_path_suffix: Annotated[
        list[str] | None, Meta(description='ends of the paths that count; "*" for all. Default: those of LLM APIs')
    ] = None


def check(config: Config) -> list[Problem]:
    if isinstance(config.model_mapping, list):
        return [Problem(("modelMapping",), "modelMapping must be an object")]  # Higress's words
    prefixes = _by_text(config.model_mapping)
    return [
        Problem(("modelMapping", longer), f"never counts in Higress, which takes {shorter!r} before it", note=True)
        for position, longer in enumerate(prefixes)
        for shorter in prefixes[:position]
        if longer.startswith(shorter[:-1])
    ]


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
    """The prefixes, in Higress's order."""
    return sorted(name for name in mapping if name.endswith("*") and name != "*")


ABOUT = About(
    config=Config,
    build=build,
    place=Place("AUTHN", 800),
    recipe="model-routes",
    check=check,
    differences=(
        Difference("`gpt-*` and `gpt-4*`", "the longer prefix wins", "the first in the order of their text"),
        Difference("the header if the target is empty", "has the model that is kept", "is empty"),
        Difference("a model in the path (Gemini)", "counts", "does not"),
    ),
)

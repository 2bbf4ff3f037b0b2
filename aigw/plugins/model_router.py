"""model-router: writes the model of a request into headers, and routes match these headers.

The plugins after it are those of the route that its headers lead to (pipeline/rerouting.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from msgspec import Meta, Struct

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.plugin import About, Description, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.dialects.model_field import ModelField, as_header
from aigw.higress.re2 import GoRegex

AUTO = "higress/auto"
"""A client asks for this model if the gateway shall choose one that fits the question."""
AUTO_HEADER = "x-higress-llm-model"
"""The header that gets the model chosen for AUTO, whatever `modelToHeader` is."""


class AutoRule(Struct, frozen=True, kw_only=True):
    """Chooses a model for the questions that match a pattern."""

    pattern: Annotated[str, Meta(description="a regular expression (RE2) for the last user message")]
    model: Annotated[str, Meta(min_length=1, description="the model to use if the pattern matches")]


class AutoRouting(Struct, frozen=True, rename="camel", kw_only=True):
    """Replaces the model higress/auto by the model of the first rule that matches."""

    enable: Annotated[bool, Meta(description="true: replace the model higress/auto")] = False
    default_model: Annotated[
        str, Meta(description="the model to use if no rule matches; empty: keep the request as it is")
    ] = ""
    rules: Annotated[list[AutoRule], Meta(description="tried in this order")] = []


class Config(Struct, frozen=True, rename="camel", kw_only=True):
    """Writes the model of a request into headers, and chooses the route again by these headers.

    So a route that matches `headers: {x-higress-llm-model: qwen-max}` gets the requests for qwen-max. The plugins
    after this one are those of the new route. The model may be in JSON, in a form (audio,
    images), or in a path of Gemini's API."""

    model_key: Annotated[
        str, Meta(min_length=1, description="the field of the body that has the model, or its path: `request.model`")
    ] = "model"
    add_provider_header: Annotated[
        str, Meta(description="the header that gets `a` if the model is `a/b`; empty: none")
    ] = ""
    model_to_header: Annotated[str, Meta(description="the header that gets the model, unchanged; empty: none")] = ""
    enable_on_path_suffix: Annotated[
        list[str] | None, Meta(description='only for paths that end so; "*" for all. Missing: the paths of LLM APIs')
    ] = None
    keep_original_model_name: Annotated[
        bool, Meta(description="true: keep the model `a/b` in the body; false: make it `b`")
    ] = False
    auto_routing: AutoRouting = AutoRouting()


def check(config: Config) -> list[Problem]:
    problems = []
    for index, rule in enumerate(config.auto_routing.rules):
        try:
            GoRegex.longest(rule.pattern)
        except ValueError as error:
            message = f"is not a regular expression that Go and aigw both read: {error}"
            problems.append(Problem(("autoRouting", "rules", index, "pattern"), message, quirk=True))
    if config.auto_routing.rules and not config.auto_routing.enable:
        problems.append(Problem(("autoRouting",), "is not enabled, so that its rules do nothing", note=True))
    return problems


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield ModelRouter(config, higress=env.choose(safe=False, higress=True))


class ModelRouter:
    def __init__(self, config: Config, *, higress: bool) -> None:
        self._config = config
        self._field = ModelField(config.model_key, config.enable_on_path_suffix, higress=higress)
        self._rules = list(_compiled(config.auto_routing.rules)) if config.auto_routing.enable else []

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if self._field.counts(request.path):
            model = await self._field.read(request)
            if model == AUTO and self._config.auto_routing.enable:
                await aside(len(request.body), self._choose, exchange)
            elif model:
                self._name(request, model)
        return await call_next(exchange)

    def _name(self, request: Request, model: str) -> None:
        config = self._config
        if config.model_to_header:
            request.headers[config.model_to_header] = as_header(model)
        provider, slash, rest = model.partition("/")
        if slash and config.add_provider_header:
            request.headers[config.add_provider_header] = as_header(provider)
            if not config.keep_original_model_name:
                self._field.write(request, rest)

    def _choose(self, exchange: Exchange) -> None:
        request, question = exchange.request, exchange.asked.question
        found = (model for pattern, model in self._rules if question and pattern.search(question))
        if model := next(found, self._config.auto_routing.default_model):
            request.headers[AUTO_HEADER] = as_header(model)
            self._field.write(request, model)


def _compiled(rules: list[AutoRule]) -> list[tuple[GoRegex, str]]:
    compiled = []
    for rule in rules:
        try:
            compiled.append((GoRegex.longest(rule.pattern), rule.model))
        except ValueError:
            continue  # `check` has reported it; Higress ignores such a rule
    return compiled


def describes(config: Config) -> Description:
    return Description(model_header=config.model_to_header)


ABOUT = About(
    config=Config,
    build=build,
    place=Place("AUTHN", 900),
    recipe="model-routes",
    check=check,
    reroutes=True,
    describes=describes,
    differences=(
        Difference("a model in the path (Gemini, Azure)", "is read and replaced", "is ignored"),
        Difference("forms (audio, edited images)", "are read", "only if `enableOnPathSuffix` names their paths"),
    ),
)

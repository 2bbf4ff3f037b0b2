"""Chooses the provider of a request, and tries again if it fails before content has reached the client.

First, other API tokens of the same provider are tried (attempt.py), then the next provider (`fallback`). An upload
that is not held in memory can be sent only once, so its first answer is final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from urllib.parse import unquote

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.errors import FailedAnswerError, GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.plugin import Next
from aigw.core.redaction import shown
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.failures import with_line
from aigw.dialects.form import hold
from aigw.dialects.model_field import name_deployment
from aigw.providers import kept_routes, missing_api, too_long
from aigw.providers.attempt import Attempt, Failed
from aigw.providers.bound import BoundProvider
from aigw.providers.kept_responses import KeptResponses
from aigw.providers.mapping import ModelMapping
from aigw.providers.models import as_caller_reads, list_models, list_named
from aigw.providers.named_models import NamedModels


class Router:
    """Sends requests to providers. `weights` are the shares of the requests by provider id (empty: the first provider
    gets all). `fallback` are the ids that are tried after a failure. `by_model` maps models to ids; its keys are as in
    modelMapping."""

    def __init__(
        self,
        providers: Sequence[BoundProvider],
        env: Env,
        *,
        weights: Mapping[str, int],
        fallback: Sequence[str],
        by_model: Mapping[str, str],
    ) -> None:
        self._providers = {provider.name: provider for provider in providers}
        self._default = providers[0]
        self._weights = {name: share for name, share in weights.items() if name in self._providers}
        self._fallback = [self._providers[name] for name in fallback if name in self._providers]
        self._by_model = ModelMapping(by_model) if by_model else None
        self._by_name = frozenset(by_model)
        self._named = NamedModels(providers, by_model, self._reaches)
        self._env = env
        self._reads_model = bool(by_model) or any(provider.config.model_mapping for provider in providers)
        self._tells_first = env.choose(safe=True, higress=False)
        """Whether the client gets the first failure where all providers fail, with a line on the others. Otherwise it
        gets the last one."""
        self._shapes_lists = env.choose(safe=True, higress=False)
        """Whether a list of models gets the shape that the caller reads."""
        self._kept = KeptResponses.of(env)
        self._says_what_is_missing = env.choose(safe=True, higress=False)

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if not self._says_what_is_missing:
            return await self._send(exchange, call_next)
        try:
            if exchange.api not in missing_api.APIS:
                return await self._send(exchange, call_next)
            return await missing_api.ask(exchange, partial(self._send, exchange, call_next), self._env.tokenizer)
        except FailedAnswerError as error:
            return too_long.told(exchange, error)

    async def _send(self, exchange: Exchange, call_next: Next) -> Reply:
        source, api = exchange.request, exchange.api or None
        if apis.DEPLOYMENTS in source.path and api in apis.DEPLOYED:
            name_deployment(source)
        if source.method == "GET" and api in apis.LISTS:
            return await self._list(exchange, call_next, source, api)
        if source.upload is not None and self._reads_model and self._default.reads_form(source, api):
            await self._find_model(exchange, source)
        first = self._pick(exchange, api)
        if self._kept is not None and api == apis.RETRIEVE_RESPONSE:
            kept = await kept_routes.answer(self._kept, exchange, source, elsewhere=first.offers(api))
            if kept is not None:
                return kept
        return await self._ask(exchange, call_next, source, api, first)

    async def _list(self, exchange: Exchange, call_next: Next, source: Request, api: str) -> Reply:
        """Answers a client who asks for models."""
        if self._shapes_lists:
            api = _as_openai_list(source)
        if self._by_model is not None and api == apis.MODELS:
            providers = list(self._providers.values())
            return await list_models(exchange, source, providers, self._env, answers=self._answers, named=self._named)
        first = self._pick(exchange, api)
        if not self._shapes_lists:
            return await self._ask(exchange, call_next, source, api, first)
        if known := list_named(exchange, source, first, api, self._named):
            return known
        reply = await self._ask(exchange, call_next, source, api, first)
        return await as_caller_reads(exchange, reply, self._named)

    async def _ask(
        self, exchange: Exchange, call_next: Next, source: Request, api: str | None, first: BoundProvider
    ) -> Reply:
        """Tries `first`, and after a failure the other providers that may answer this request. The client gets the
        answer of one of them, or the first failure."""
        candidates = [first]
        if self._fallback and source.upload is None:
            candidates = self._candidates(exchange, api, first)
        failures: list[Failed] = []
        for index, provider in enumerate(candidates, 1):
            last = index == len(candidates)
            final = last and not (failures and self._tells_first)
            attempt = Attempt(exchange, call_next, provider, source, api, self._env.clock, last=last, final=final)
            outcome = await attempt.run()
            if isinstance(outcome, Reply):
                return outcome
            failures += outcome
            exchange.labels.failed = [*exchange.labels.failed, *((provider.name, each.reason) for each in outcome)]
        return await _first_failure(exchange, failures)

    def _candidates(self, exchange: Exchange, api: str | None, first: BoundProvider) -> list[BoundProvider]:
        candidates = [first, *(provider for provider in self._fallback if provider is not first)]
        if api in apis.VECTORS and first.keeps_vectors_apart:
            return _with_one_model(exchange.asked.model, candidates)
        return candidates

    async def _find_model(self, exchange: Exchange, form: Request) -> None:
        """Reads the rest of a large form into memory if its beginning does not have the model."""
        if not exchange.asked.model:
            await hold(form)
            await aside(len(form.body), attrgetter("model"), exchange.asked)

    def _chosen(self, model: str) -> BoundProvider:
        """Returns the provider that `byModel` names for a model."""
        found = self._providers.get(self._by_model.map(model)) if self._by_model is not None else None
        return found or self._default

    def _reaches(self, provider: BoundProvider, model: str) -> bool:
        """Whether requests for this model go to this provider first."""
        if self._by_model is None and self._weights:
            return provider.name in self._weights
        return self._chosen(model) is provider

    def _answers(self, provider: BoundProvider, model: str) -> bool:
        """Whether a model that `provider` lists is answered here, by itself or by the one that byModel names for it."""
        return self._chosen(model) is provider or model in self._by_name

    def _pick(self, exchange: Exchange, api: str | None) -> BoundProvider:
        if self._by_model is not None:
            return self._chosen(_model_of(exchange, api))
        if self._weights:
            weights = self._weights
            if api in apis.VECTORS and self._default.keeps_vectors_apart:
                heaviest_first = sorted(weights, key=lambda name: -weights[name])
                same = _with_one_model(exchange.asked.model, [self._providers[name] for name in heaviest_first])
                weights = {provider.name: weights[provider.name] for provider in same}
            (name,) = self._env.random.choices(list(weights), list(weights.values()))
            return self._providers[name]
        return self._default


def _with_one_model(model: str, providers: list[BoundProvider]) -> list[BoundProvider]:
    """Returns the providers that have the same model as the first one for this model. What stands before a slash is not
    part of its name: OpenRouter's `openai/x` is OpenAI's `x`."""
    names = [provider.mapped(model).rpartition("/")[2].lower() for provider in providers]
    return [provider for provider, name in zip(providers, names, strict=True) if name == names[0]]


async def _first_failure(exchange: Exchange, failures: Sequence[Failed]) -> Reply:
    """Returns or raises the first failure of a provider, with a line on the other failures. If no provider was asked,
    it is our own refusal."""
    first = next((each for each in failures if not isinstance(each.error, GatewayError)), failures[0])
    others = [f"{each.name} was tried, too: {each.status} {each.words}" for each in failures if each is not first]
    line = shown("; ".join(dict.fromkeys(" ".join(each.split()) for each in others)))
    if isinstance(first.error, UpstreamError):
        told = first.error.answer()
        raise FailedAnswerError(told.status, told.message, kind=told.kind, code=told.code or "", others=line)
    if first.error is not None or first.reply is None:
        raise first.error or AssertionError("a failure has a reply or an error")
    headers = [(name, value) for name, value in first.reply.headers.items() if name.lower() != "content-length"]
    reply = exchange.reply(with_line(await first.reply.body(), line), status=first.status, headers=headers)
    reply.headers.setdefault("x-should-retry", "false")
    return reply


def _as_openai_list(source: Request) -> str:
    """Asks as OpenAI's clients do, because every provider has that path. Returns the API of the path."""
    prefix, models, rest = source.path.partition("/models")
    if not prefix.endswith("/v1"):
        source.path, source.query = f"/v1{models}{rest}", ""  # Gemini's parameters mean nothing to others
    return apis.RETRIEVE_MODEL if rest else apis.MODELS


def _model_of(exchange: Exchange, api: str | None) -> str:
    """Returns the model of a request from its body or, for /v1/models/{id}, from its path. "" if it has none."""
    source = exchange.request
    if api in (None, apis.RETRIEVE_MODEL) and "/v1/models/" in source.path:
        return unquote(source.path.partition("/v1/models/")[2])
    if source.is_json and source.body:
        try:
            _ = source.document
        except ValueError as error:
            raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None
    return exchange.asked.model

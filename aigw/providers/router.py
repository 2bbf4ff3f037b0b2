"""Chooses the provider of a request, and tries again if it fails before content has reached the client.

First, other API tokens of the same provider are tried (`retryOnFailure`), then the next provider (`fallback`). An
upload that is not held in memory can be sent only once, so its first answer is final."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

from aigw.core.content_coding import Decoding
from aigw.core.env import Clock, Env
from aigw.core.errors import FailedAnswerError, GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.plugin import Next
from aigw.core.redaction import shown
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.failures import message_in, with_line
from aigw.dialects.form import hold
from aigw.dialects.model_field import name_deployment
from aigw.providers import kept_routes, missing_api, too_long
from aigw.providers.answers import MAX_ERROR
from aigw.providers.bound import BoundProvider
from aigw.providers.call import Call
from aigw.providers.kept_responses import KeptResponses
from aigw.providers.mapping import ModelMapping
from aigw.providers.models import as_caller_reads, list_models, list_named
from aigw.providers.named_models import NamedModels
from aigw.providers.refusals import STATUSES

ERROR_SECONDS = 1.0
"""How long the body of an error may take before the next provider is tried."""


class _Failed(NamedTuple):
    """A provider that failed, or one of its tokens, with its reply or with what was raised."""

    name: str
    status: int
    reply: Reply | None
    error: UpstreamError | GatewayError | None
    words: str


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
        source = exchange.request
        api = exchange.api or None
        if apis.DEPLOYMENTS in source.path and api in apis.DEPLOYED:
            name_deployment(source)
        listing = api in apis.LISTS and source.method == "GET"
        if listing and self._shapes_lists:
            api = _as_openai_list(source)
        if self._by_model is not None and api == apis.MODELS and source.method == "GET":
            providers = list(self._providers.values())
            return await list_models(exchange, source, providers, self._env, answers=self._answers, named=self._named)
        if source.upload is not None and self._reads_model and self._default.reads_form(source, api):
            await self._find_model(exchange, source)
        first = self._pick(exchange, api)
        if listing and self._shapes_lists and (known := list_named(exchange, source, first, api, self._named)):
            return known
        if self._kept is not None and api == apis.RETRIEVE_RESPONSE:
            kept = await kept_routes.answer(self._kept, exchange, source, elsewhere=first.offers(api))
            if kept is not None:
                return kept
        candidates = [first]
        if self._fallback:
            candidates += [provider for provider in self._fallback if provider is not first]
        if api in apis.VECTORS and first.keeps_vectors_apart:
            candidates = _with_one_model(exchange.asked.model, candidates)
        if source.upload is not None:
            candidates = candidates[:1]
        failures: list[_Failed] = []
        for index, provider in enumerate(candidates):
            last = index == len(candidates) - 1
            final = last and not (failures and self._tells_first)
            attempt = _Attempt(exchange, call_next, provider, source, api, self._env.clock, last=last, final=final)
            outcome = await attempt.run()
            if isinstance(outcome, Reply):
                shapes = listing and self._shapes_lists
                return await as_caller_reads(exchange, outcome, self._named) if shapes else outcome
            failures += outcome
        return await _first_failure(exchange, failures)

    async def _find_model(self, exchange: Exchange, form: Request) -> None:
        """Reads the rest of a large form into memory if its beginning does not have the model."""
        if not exchange.asked.model:
            await hold(form)

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


class _Attempt:
    """Tries one provider, with one token after another. `run` returns what failed, one after another, if the next
    provider should be tried or the client should learn of more than one failure. `last` is whether there is no other
    provider, `final` whether the client then gets a single failure as it is."""

    def __init__(
        self,
        exchange: Exchange,
        call_next: Next,
        provider: BoundProvider,
        source: Request,
        api: str | None,
        clock: Clock,
        *,
        last: bool,
        final: bool,
    ) -> None:
        self._exchange = exchange
        self._call_next = call_next
        self._provider = provider
        self._source = source
        self._api = api
        self._clock = clock
        self._last = last
        self._final = final
        self._tried: list[str] = []

    async def run(self) -> Reply | list[_Failed]:
        provider, retry = self._provider, self._provider.config.retry_on_failure
        attempts_left = retry.max_retries if retry.enabled and self._source.upload is None else 0
        first: tuple[Call, Reply | None, UpstreamError | None] | None = None
        # An API that refers to data which the provider keeps for an account always gets the consumer's own token.
        pin = self._exchange.consumer if self._api in apis.STATEFUL else ""
        failed: list[_Failed] = []
        while True:
            token = provider.tokens.pick(without=self._tried, pin=pin)
            again = bool(self._tried)
            if token is not None:
                self._tried.append(token)
            try:
                call = await self._write(token, again=again)
            except GatewayError as refusal:
                if (self._final and not failed) or refusal.code == "invalid_body":
                    raise
                return [*failed, _Failed(self._name, refusal.status, None, refusal, refusal.message)]
            can_retry = attempts_left > 0 and provider.tokens.has_more(self._tried) and provider.retries(call)
            status, reply, error = await self._send(call, hold=can_retry or not self._last)
            answered = reply is not None or isinstance(error, FailedAnswerError)
            if answered and status >= 400 and (refused := await self._refused(call, reply)):
                if reply is not None:
                    await reply.aclose()
                call = await self._write(token, again=again)
                status, reply, error = await self._send(call, hold=can_retry or not self._last)
                provider.refusals.confirm(call, refused, works=status < 400)
            if token is not None and not missing_api.is_missing(self._api, status):
                provider.tokens.report(token, status)
            if status < 400:
                assert reply is not None
                try:
                    return await provider.read(self._exchange, call, reply)
                except UpstreamError as broken:
                    status, error = broken.status, broken
            if can_retry and (provider.retries_on(status) or first is not None):
                attempts_left -= 1
                if not provider.tells_first_only:
                    failed.append(await self._failure(call, status, reply, error))
                    continue
                if first is None:
                    first = call, reply, error
                    continue
            elif failed or not self._final:
                return [*failed, await self._failure(call, status, reply, error)]
            else:
                call, reply, error = first or (call, reply, error)
                if error is not None:
                    raise error
                assert reply is not None
                return self._told(await provider.read(self._exchange, call, reply))
            if reply is not None:
                await reply.aclose()

    @property
    def _name(self) -> str:
        name = self._provider.name
        return f"another token of {name}" if len(self._tried) > 1 else name

    async def _write(self, token: str | None, *, again: bool) -> Call:
        call = await self._provider.write(self._exchange, self._source, self._api, token, own=again)
        return self._provider.bound_retry(call) if again else call

    async def _refused(self, call: Call, reply: Reply | None) -> list[str]:
        """Returns the fields that the gateway has added by itself and that the provider's error names. Without a reply,
        the error was in an answer of status 200."""
        if reply is not None and reply.status not in (200, *STATUSES):
            return []
        added = self._provider.added(call, self._source)
        return self._provider.refusals.learn(call, added, await self._said(reply)) if added else []

    async def _said(self, reply: Reply | None) -> str:
        """Returns the text of an error, "" if it cannot be read."""
        answer = self._exchange.answer
        if reply is None or reply.status == 200:
            return answer.error if answer is not None else ""
        try:
            whole = await reply.whole(MAX_ERROR)
            coding = reply.headers.get("content-encoding", "") if whole is not None else ""
            return Decoding(coding, MAX_ERROR).feed(whole.raw if whole else b"").decode("utf-8", "replace")
        except (UpstreamError, ValueError, ImportError):
            return ""

    def _told(self, reply: Reply) -> Reply:
        """Returns the reply for a failure. If several attempts were made, it tells SDKs not to retry."""
        if len(self._exchange.attempts) > 1:
            reply.headers.setdefault("x-should-retry", "false")
        return reply

    async def _send(self, call: Call, *, hold: bool) -> tuple[int, Reply | None, UpstreamError | None]:
        """Sends the call. Returns the status of the attempt, and the reply or the error. The status of a stream is
        known when its first event has arrived. With `hold`, comments before it are not sent to the client yet, because
        after that no other provider could be tried."""
        exchange = self._exchange
        exchange.request, exchange.target, exchange.wire = call.request, call.target, call.dialect
        exchange.provider, exchange.mapped = self._provider.row.type, call.model
        exchange.wire_api = call.api or exchange.api
        exchange.attempts.append(self._provider.name)
        try:
            reply = await self._call_next(exchange)
            if exchange.answer is not None:
                exchange.answer.secrets = self._provider.hidden
            if reply.status >= 400:
                return reply.status, reply, None
            return await self._judge(reply, hold=hold), reply, None
        except UpstreamError as error:
            return error.status, None, error

    async def _judge(self, reply: Reply, *, hold: bool) -> int:
        began = self._clock.monotonic()
        try:
            return await self._provider.judge.status(self._exchange, reply, others=hold)
        except UpstreamError:
            await reply.aclose()
            raise
        finally:
            self._exchange.timing.waited += self._clock.monotonic() - began

    async def _failure(self, call: Call, status: int, reply: Reply | None, error: UpstreamError | None) -> _Failed:
        """Returns what failed. The body of an error is read now, because its connection is closed before the next
        provider is tried."""
        words = str(error or "")
        if error is None and reply is not None:
            try:
                async with asyncio.timeout(ERROR_SECONDS):
                    shaped = await self._provider.read(self._exchange, call, reply)
                    whole = await shaped.whole(MAX_ERROR)
            except (UpstreamError, TimeoutError):
                whole = None
            if whole is not None:
                kept = self._exchange.reply(whole.raw, status=shaped.status, headers=shaped.headers.items())
                await reply.aclose()
                return _Failed(self._name, status, kept, None, message_in(whole.raw))
            await reply.aclose()
            error = FailedAnswerError(status, f"the provider answered {status}", code="upstream_status")
        elif reply is not None:
            await reply.aclose()
        return _Failed(self._name, status, None, error, words)


async def _first_failure(exchange: Exchange, failures: Sequence[_Failed]) -> Reply:
    """Returns or raises the first failure of a provider, with a line on what the others said. A refusal of ours is told
    if no provider was asked."""
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

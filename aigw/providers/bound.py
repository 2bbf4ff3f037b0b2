"""A configured provider. It writes the requests for the provider and reads its answers.

higress.py has what Higress does in another way."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import ClassVar

import msgspec
from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.authority import origin_of
from aigw.core.dialect import Asked, Dialect
from aigw.core.document import Document
from aigw.core.env import Env
from aigw.core.errors import ConfigError, GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Origin, Request, Target
from aigw.core.pace import LARGE
from aigw.dialects import apis, form
from aigw.dialects import dashscope_openai as qwen
from aigw.dialects.openai_error import JSON
from aigw.dialects.table import NATIVE
from aigw.providers import headers
from aigw.providers.access import access_of
from aigw.providers.answers import Answers
from aigw.providers.api_tokens import StatusMatcher, TokenPool
from aigw.providers.call import Call
from aigw.providers.config import ProviderConfig
from aigw.providers.configured_rules import rules_of
from aigw.providers.edits import BodyEdits
from aigw.providers.endpoint import locate
from aigw.providers.judge import Judge
from aigw.providers.kept_reasoning import KeptReasoning
from aigw.providers.kept_responses import Continued, KeptResponses, continued
from aigw.providers.lookup import lookup
from aigw.providers.provider import split_domain
from aigw.providers.refusals import Refusals
from aigw.providers.request_errors import BUILT_IN_OFFERS, not_offered, unusable
from aigw.providers.request_path import RequestPath
from aigw.providers.returned_reasoning import Read, ReturnedReasoning
from aigw.translation.embeddings.translation import TARGETS as VECTOR_TARGETS
from aigw.translation.embeddings.translation import EmbeddingsTranslation
from aigw.translation.translation import AnyTranslation, Translation, needs_functions, target_of
from aigw.upstream.builtin import Mock, MockSettings


class BoundProvider:
    edits: ClassVar[type[BodyEdits]] = BodyEdits
    answers: ClassVar[type[Answers]] = Answers
    paths: ClassVar[type[RequestPath]] = RequestPath
    judges: ClassVar[type[Judge]] = Judge
    own_paths: ClassVar[bool] = True
    """Whether it has the paths that Higress does not know."""
    keeps_vectors_apart: ClassVar[bool] = True
    """Whether only providers that use the same model for embeddings stand in for each other."""
    bare_retries: ClassVar[bool] = False
    """Whether a request that the gateway sends by itself, to retry or to probe a token, has only what the provider
    needs: a mapped model and its own form, but nothing that the configuration changes, and no header of the client."""
    tells_first_only: ClassVar[bool] = False
    """Whether the client gets the first failure unchanged if all tokens fail, without a line on the other failures. If
    so, any failure of a further token is followed by another attempt."""

    returns_reasoning: ClassVar[bool] = True
    """Whether reasoning that clients leave out is given back to a provider that wants it."""

    def __init__(self, config: ProviderConfig, env: Env, *, at_route: bool = True) -> None:
        """`at_route`: it is where the upstream of a route is, if `services:` maps that. Raises ValueError for a
        configuration that the plugin's `check` would refuse, ConfigError if `services:` maps the host to something that
        is not HTTP."""
        keys = msgspec.to_builtins(config)
        kind = lookup(config.type)
        self.config = config
        self.row = kind.variant(keys)
        self._rules = rules_of(config, self.row)
        self.name = config.id or config.type
        self._scheme, self._domain = split_domain(config.provider_domain, self.row.scheme)
        self.tokens = TokenPool(config.api_tokens, config.failover, rng=env.random, now=env.clock.monotonic)
        self.retries_on = StatusMatcher(config.retry_on_failure.retry_on_status)
        self._kept = KeptReasoning(self.name, env)
        self.refusals = Refusals(self.name, self.row)
        self._env = env
        self._at_route = at_route
        self._builtin = self._builtin_models() if self.row.dialect == "builtin" else None
        self._endpoint = locate(kind, keys, own_paths=self.own_paths)
        self._path = self.paths(config, self.row, self._endpoint, env)
        self._offers = lru_cache(maxsize=256)(self._endpoint.offers)
        self._moves = lru_cache(maxsize=256)(lambda model: self._rules.moves(self._edits.map(model)))
        self._account, self._sign = access_of(config, self.row, env)
        self._origins: dict[str, Origin] = {}
        self._edits = self.edits(config, self.row, env)
        answers = self.answers(config, self.row, env)
        self.hidden = answers.hidden
        self.read: Read = answers.read
        self._returned: ReturnedReasoning | None = None
        if self.returns_reasoning and config.protocol == "openai":
            self._returned = ReturnedReasoning.of(self._rules, self._kept, self._edits.map)
        if self._returned is not None:
            self.read = self._returned.reading(answers.read)
        self.judge = self.judges(env.clock)
        self._responses = KeptResponses.of(env)
        if config.provider_domain or self._endpoint.authority:
            self._origin("")

    async def write(
        self, exchange: Exchange, source: Request, api: str | None, token: str | None, *, own: bool = False
    ) -> Call:
        """`source` as it goes to this provider; `own`: the gateway asks by itself, to retry or to probe a token. Raises
        GatewayError for a request that cannot be written."""
        client, asked, spoken = source.headers, exchange.asked, exchange.dialect
        translation, kept = await self._translation(exchange, source, api)
        if translation is not None:
            source, api = translation.request, translation.api
            asked, spoken = translation.asked, translation.dialect
        bare = own and self.bare_retries and source.is_json
        given = CIMultiDict({"content-type": JSON}) if bare else self._headers(source)
        request = source.copy(given)
        if self._account is not None:
            token = await self._account.token()
        headers.authenticate(request.headers, client, self.row, self.row.auth_of(api), token)
        self._add_headers(request.headers)
        if api is None or (api in apis.LISTS and source.method == "POST"):
            self._check_known(exchange, source)
        if self.config.protocol == "openai":
            self._check_offered(exchange, api, request)
        target = self._target(exchange, source, bare=bare)
        if translation is None and api in apis.MODEL_IN_PATH and self.config.protocol == "openai":
            self._edits.drop_foreign(request)
        if self._returned is not None and translation is None and api == apis.CHAT:
            await self._returned.fill(exchange, request)
        model, streaming = await self._write_model(asked, request, api, source, bare=bare)
        dialect = self._dialect(spoken, api)
        call = Call(request, target, api, dialect, asked, spoken, model, streaming, translation, kept)
        request.path, request.query = self._path.write(source, call, bare=bare)
        if self._sign is not None:
            self._sign(request, target.authority)
        if bare:
            return call
        self._note_original(request, exchange.original)
        if self.config.first_byte_timeout and (call.streaming or not self.row.maps_models):
            return self._bound_first_byte(call)
        return call

    def retries(self, call: Call) -> bool:
        """Returns whether such a call may be tried again with another token."""
        return True

    def offers(self, api: str) -> bool:
        """Whether requests of this API can go to the provider as they are."""
        return not self.row.maps_models or self._offers(api)

    def mapped(self, model: str) -> str:
        """Returns the model that a request for this model gets."""
        return self._edits.map(model)

    def added(self, call: Call, source: Request) -> list[str]:
        """Returns the fields of the call that the gateway has added by itself."""
        has_fields = call.api in apis.MODEL_IN_BODY and source.is_json and self.config.protocol == "openai"
        if not has_fields:
            return []
        return self.refusals.added(call, (call.translation.request if call.translation else source).document)

    def bound_retry(self, call: Call) -> Call:
        """Returns the call with `retryTimeout` as the limit for the beginning of its answer."""
        seconds = self.config.retry_on_failure.retry_timeout / 1000
        timeouts = call.target.timeouts._replace(first_byte=min(seconds, call.target.timeouts.first_byte))
        return call._replace(target=call.target._replace(timeouts=timeouts))

    def _headers(self, source: Request) -> CIMultiDict[str]:
        """Returns the client's headers that are sent to the provider."""
        return headers.public(source)

    def _add_headers(self, given: CIMultiDict[str]) -> None:
        """Adds the provider's own headers to those of the client. If both have one of a name, the client's counts."""
        for name, value in self._endpoint.headers.items():
            given.setdefault(name, value)

    async def _write_model(
        self, asked: Asked, request: Request, api: str | None, source: Request, *, bare: bool
    ) -> tuple[str, bool]:
        """Writes the mapped model to its place in this API, and into a body everything else that the configuration
        changes. Returns that model, "" if it does not change, and whether a stream was asked for."""
        if self.config.protocol != "openai":
            return "", False
        if api in apis.MODEL_IN_BODY and request.method == "POST" and (request.parsed is not None or request.is_json):
            return await self._write_body(asked, request, api, source, bare=bare)
        if self.reads_form(source, api):
            return await aside(len(request.body), self._map_form, request, asked)
        return self._map_path(request, asked) if api in apis.MODEL_IN_PATH else ("", False)

    def _map_path(self, request: Request, asked: Asked) -> tuple[str, bool]:
        """Writes the mapped model into the path. Returns as `_write_model`."""
        model = self._edits.map(asked.model)
        if model == asked.model:
            return "", asked.stream
        self._edits.name(request, model)
        return model, asked.stream

    def reads_form(self, source: Request, api: str | None) -> bool:
        """Whether the request is a form whose model is mapped."""
        return api in apis.MODEL_IN_FORM and self.config.protocol == "openai" and form.is_form(source)

    def _map_form(self, request: Request, asked: Asked) -> tuple[str, bool]:
        """Writes the mapped model into the form. All other bytes stay. Returns as `_write_model`."""
        try:
            named = form.text(request, "model")
        except ValueError as error:
            raise unusable(str(error)) from None
        model = self._edits.map(named or "")
        if model != (named or ""):
            form.put(request, "model", model, adds=self.row.without_model == "write")
        return model, asked.stream

    def _note_original(self, request: Request, original: Request) -> None:
        """May tell the provider what the client sent."""

    def _has(self, exchange: Exchange, api: str) -> bool:
        """Whether the provider has an API for the model of a request."""
        families = self.row.families
        return self._offers(api) and (not families or self.row.serves(self._edits.map(exchange.asked.model), api))

    def _check_offered(self, exchange: Exchange, api: str | None, request: Request) -> None:
        """Refuses an API that the provider does not have: its answer would say something that does not apply."""
        if api is not None and self.row.maps_models and not self._has(exchange, api):
            if request.is_json and request.body:
                _parse(request)
            raise not_offered(self.name, api, request, BUILT_IN_OFFERS if self.row.type == "builtin" else "")

    def _check_known(self, exchange: Exchange, source: Request) -> None:
        """Refuses a path that no API has and no route names, so that the provider's key is not sent with it."""
        protected = self.row.maps_models or self.config.api_tokens
        if protected and not exchange.route.names_path:
            message = (
                f"{source.method} {source.path} is no API path that aigw knows, so that no key goes there; "
                "APIs are below /v1, as in /v1/models, and a route may name other paths in its match"
            )
            if source.path == "/":
                message = (
                    "this is aigw, an AI gateway: its API is below /v1, as in /v1/models; aigw itself is at /-/health"
                )
            raise GatewayError(404, message, code="unknown_url")

    async def _write_body(
        self, asked: Asked, request: Request, api: str, source: Request, *, bare: bool
    ) -> tuple[str, bool]:
        """Writes the body. Returns the same as `_write_model`."""
        context = None
        if request.parsed is None:  # as of a request that was translated
            await aside(len(request.body), request.parse)
        try:
            self._check_convertible(request, request.document, api)
            if self.config.context and not bare:
                context = await self._edits.context(asked, api, len(request.body))
        except ValueError as error:
            raise unusable(str(error)) from None
        model = await aside(len(request.body), self._edited, request, api, source, context, bare=bare)
        return model, asked.stream

    def _edited(self, request: Request, api: str, source: Request, context: str | None, *, bare: bool) -> str:
        """Writes the body, and returns its model."""
        try:
            document = request.document
            if not bare:
                self._edits.prepare(document, api, context)
            model = self._edits.fit(document, api)
            if self.refusals.by_model:
                self.refusals.undo(document, model, source.document)
            request.replace_body(self._edits.convert(document, api, request.headers, context))
            if len(request.body) > LARGE:
                request.parse()  # its view will be read on the loop
        except ValueError as error:
            raise unusable(str(error)) from None
        return model

    async def _translation(
        self, exchange: Exchange, source: Request, api: str | None
    ) -> tuple[AnyTranslation | None, Continued | None]:
        """Returns the translation of a request for this provider, None if it speaks the client's format; and the kept
        conversation that the request continues, if there is one."""
        if api is None or self.config.protocol != "openai" or not self.row.maps_models:
            return None, None
        if api in VECTOR_TARGETS and not self._offers(api) and self._offers(VECTOR_TARGETS[api]):
            return EmbeddingsTranslation(source, exchange.asked, api, self._rules), None
        moves = self._rules.responses_only and self._moves(exchange.asked.model)
        if self._has(exchange, api) and not moves and not needs_functions(source, api, self._rules):
            return None, None
        continuing = await self._continuing(exchange, source, api)
        translation = await self._written_anew(exchange, continuing.source if continuing else source, api)
        if translation is None:
            return None, None
        if continuing is not None:
            translation.store(continuing.repeated)
        return translation, continuing

    async def _continuing(self, exchange: Exchange, source: Request, api: str) -> Continued | None:
        """Returns the kept conversation that the request continues, if the provider itself keeps none."""
        if self._responses is None or api != apis.RESPONSES or self._offers(api):
            return None
        return await continued(self._responses, exchange, source)

    async def _written_anew(self, exchange: Exchange, source: Request, api: str) -> Translation | None:
        """Returns the request in the format that fits best, None if this provider speaks none for it."""
        model = self._edits.map(exchange.asked.model)
        family = self.row.family_of(model)
        rules = self._rules if family is None else family.rules
        target = target_of(api, source, exchange.asked, model, partial(self._has, exchange), rules)
        if not target:
            return None
        if target in apis.MODEL_IN_PATH:
            source = await self._prepared(exchange, source, api)
        kept = self._kept.of(exchange)
        translate = partial(
            Translation,
            source,
            exchange.asked,
            api,
            target,
            rules,
            model=model,
            id=exchange.id,
            created=int(self._env.clock.time()),
            consumer=exchange.consumer,
            kept=kept,
        )
        translation = await aside(len(source.body), translate)
        if await kept.load():  # as after a restart
            translation = await aside(len(source.body), translate)
        return translation

    async def _prepared(self, exchange: Exchange, source: Request, api: str) -> Request:
        """Returns the request with the changes of the configuration, made in the client's format. Formats of providers
        whose path has the model have no such changes."""
        prepared = source.copy()
        try:
            context = await self._edits.context(exchange.asked, api, len(source.body)) if self.config.context else None
            self._edits.prepare(prepared.document, api, context, native=False)
        except ValueError as error:
            raise unusable(str(error)) from None
        return prepared

    def _dialect(self, dialect: Dialect, api: str | None) -> Dialect:
        """Returns the dialect for requests to this provider."""
        return NATIVE[self.row.dialect].get(api or "", dialect) if self.row.dialect in NATIVE else dialect

    def _check_convertible(self, request: Request, document: Document, api: str) -> None:
        """Raises ValueError for a request that cannot be converted, in Higress's words."""
        if self.row.dialect == "qwen":
            has_default = bool(self.config.model_mapping.get("*"))
            qwen.check(document, has_default=has_default, quoted=self._shown(request))

    def _shown(self, request: Request) -> str:
        """The end of a message about a body."""
        return ""

    def _target(self, exchange: Exchange, source: Request, *, bare: bool) -> Target:
        if self._builtin is not None:
            return self._builtin
        domain, authority = self._domain, self._endpoint.authority
        if not (domain or authority):
            if exchange.route.target is None:
                raise GatewayError(
                    404, f"the provider '{self.name}' names no host and the route has no upstream", code="no_upstream"
                )
            return exchange.route.target._replace(authority=source.headers.get("host", ""))
        try:
            origin = self._origin(exchange.route.service if self._at_route else "")
        except ConfigError as error:
            raise GatewayError(500, str(error), kind="api_error", code="bad_service") from None
        if domain and not bare:
            authority = domain
        return Target(origin, authority or source.headers.get("host", ""), self._env.timeouts)

    def _builtin_models(self) -> Target:
        mock = Mock(self.config.mock or MockSettings())
        return Target(Origin("builtin", self.name, 0), self.name, self._env.timeouts, mock)

    def _origin(self, service: str) -> Origin:
        """Returns where to connect for the provider's host or, if only `service` is mapped, for the route's service.
        Raises ConfigError."""
        origin = self._origins.get(service)
        if origin is None:
            at = origin_of(self._scheme, self._domain) if self._domain else self._endpoint.origin
            assert at is not None, "an authority has an origin"
            connect = f"[{at.host}]:{at.port}" if ":" in at.host else f"{at.host}:{at.port}"
            origin = self._origins[service] = self._env.services.locate(at.scheme, connect, service)
        return origin

    def _bound_first_byte(self, call: Call) -> Call:
        """Applies `firstByteTimeout`. It is for streams, and for all requests to a provider whose bodies are not
        read."""
        timeouts = call.target.timeouts._replace(first_byte=self.config.first_byte_timeout / 1000)
        return call._replace(target=call.target._replace(timeouts=timeouts))


def _parse(request: Request) -> None:
    try:
        _ = request.document
    except ValueError as error:
        raise unusable(str(error)) from None

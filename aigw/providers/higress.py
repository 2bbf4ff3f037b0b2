"""What Higress does in another way when it asks a provider, where ours is better: each method here is a difference.

Rule: nothing else in `providers` knows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.dialect import Asked, Dialect
from aigw.core.document import Document
from aigw.core.env import Clock, Env
from aigw.core.errors import UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.layers import Decoder
from aigw.core.model import Batch, Chunk, Request
from aigw.core.reply import Reply
from aigw.dialects import apis, dashscope_higress, openai_chat_reply, openai_chat_request
from aigw.dialects import dashscope_openai as qwen
from aigw.dialects.bodies import is_coded, is_json
from aigw.dialects.dashscope_openai_stream import StreamDecoder
from aigw.dialects.generic import Generic
from aigw.dialects.json_values import encoded, object_of
from aigw.dialects.openai_embeddings import EmbeddingsView
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers import headers
from aigw.providers.answers import Answers
from aigw.providers.bound import BoundProvider
from aigw.providers.call import Call
from aigw.providers.config import ProviderConfig
from aigw.providers.edits import BodyEdits
from aigw.providers.endpoint import Endpoint
from aigw.providers.higress_format import format_of, takes
from aigw.providers.judge import Beginning, Judge, check_alone, error_of, feed
from aigw.providers.provider import Provider
from aigw.providers.request_errors import not_offered, unusable
from aigw.providers.request_path import RequestPath
from aigw.providers.translated import translated
from aigw.translation.higress.translation import HigressTranslation, Taken


def provider_type(env: Env) -> type[BoundProvider]:
    """Returns the type of provider for the configured fidelity."""
    return env.choose(safe=BoundProvider, higress=HigressProvider)


class HigressEdits(BodyEdits):
    writes_empty_model: ClassVar[bool] = True
    reads_parts: ClassVar[bool] = False
    encode_chat = staticmethod(dashscope_higress.encode_chat)
    encode_embeddings = staticmethod(dashscope_higress.encode_embeddings)
    switch_thinking = staticmethod(openai_chat_request.think_for_any_effort)

    def __init__(self, config: ProviderConfig, row: Provider, env: Env) -> None:
        super().__init__(config, row, env)
        self._format = format_of(config, row, env)

    def _adds_model(self, row: Provider) -> bool:
        """Adds a missing model only for providers whose row says so."""
        return row.without_model == "write"

    async def context(self, asked: Asked, api: str, size: int) -> str | None:
        """Adds the context file only to chat requests."""
        return await super().context(asked, api, size) if api == apis.CHAT else None

    def _edit_messages(self, document: Document, context: str | None) -> None:
        """Leaves the context file out if a format puts it into a place of its own."""
        super()._edit_messages(document, context if self._format is None else None)

    def convert(self, document: Document, api: str, headers: CIMultiDict[str], context: str | None) -> bytes:
        """Also converts into the formats of Anthropic and Gemini."""
        own = takes(self._format, api)
        if own is None:
            return super().convert(document, api, headers, context)
        return encoded(own.write(api, object_of(document.encode()), context))

    def _written_anew(self, document: Document) -> None:
        """Writes the body anew, so that fields which Higress does not know are lost."""
        openai_chat_request.reserialise(document)

    def _drop_idle(self, document: Document) -> None:
        """Keeps a `store` that says nothing."""

    def _drop_nulls(self, document: Document) -> None:
        """Keeps null fields."""


class HigressAnswers(Answers):
    native_stream: ClassVar[type[StreamDecoder]] = dashscope_higress.HigressStream
    decode_chat = staticmethod(dashscope_higress.decode_chat)

    def __init__(self, config: ProviderConfig, row: Provider, env: Env) -> None:
        super().__init__(config, row, env)
        self._format = format_of(config, row, env)
        self._converts = self._converts or self._format is not None

    async def read(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Does not translate errors."""
        reply = await self._spoken(exchange, call, reply)
        if call.translation is None or reply.status != 200:
            return reply
        return await translated(exchange, call.translation, reply)

    def _decoders(self, exchange: Exchange, call: Call) -> list[Decoder]:
        """Also decodes streams of Anthropic and Gemini."""
        decoders = super()._decoders(exchange, call)
        if self._format is None or call.api != apis.CHAT:
            return decoders
        return [self._format.reader(call.model), *decoders]

    def _converted(self, exchange: Exchange, call: Call, whole: Chunk) -> bytes:
        """Also converts from the formats of Anthropic and Gemini."""
        own = takes(self._format, call.api)
        if own is None or call.api is None:
            return super()._converted(exchange, call, whole)
        body = encoded(own.read(call.api, object_of(whole.raw), call.model))
        return openai_chat_reply.promote_thinking(body) if self._promote and call.api == apis.CHAT else body

    def _promotes(self, config: ProviderConfig, row: Provider) -> bool:
        """Uses reasoning as content only if the answers of this provider are read anyway."""
        return row.reads_replies and super()._promotes(config, row)

    def _shape_headers(self, reply: Reply) -> None:
        """Leaves the headers alone: the provider's cookies and permissions pass."""

    def _hides(self, config: ProviderConfig) -> tuple[bytes, ...]:
        """Hides no keys in errors."""
        return ()

    async def _without_keys(self, exchange: Exchange, reply: Reply) -> Reply:
        return reply

    async def _uncoded(self, exchange: Exchange, call: Call, reply: Reply) -> Reply | None:
        """Does not decode an answer with a content coding."""
        return None

    def _finishers(self, exchange: Exchange, call: Call) -> list[Decoder]:
        """Finishes nothing: usage that the client did not ask for passes, and a missing end mark stays missing."""
        return []

    @staticmethod
    async def fit(exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Does not convert between plain answers and streams."""
        return reply

    def _readable_failures(self, exchange: Exchange, call: Call) -> list[Decoder]:
        """Does not rewrite failures into a form that clients read."""
        return []

    def _shape_embeddings(self, body: bytes, asked: EmbeddingsView) -> bytes:
        """Does not convert embeddings into the format that the client asked for."""
        return body

    async def _shape_error(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Does not make JSON of an error page, and leaves DashScope's errors in its own form."""
        return reply


class HigressJudge(Judge):
    """An answer has failed where its first event, or its JSON, reports an error. The client gets it as it is."""

    async def status(self, exchange: Exchange, reply: Reply, *, others: bool) -> int:
        answer = exchange.answer
        if reply.status != 200:
            return reply.status
        if reply.streaming:
            events = _Events(self._clock) if others else _anything
            batch, more = await reply.first(events)
            event = next((chunk for chunk in batch if chunk.data is not None), None)
            if event is None:
                return FAILED if others and not more else reply.status
            if answer is not None and answer.error:
                try:
                    check_alone(exchange, event)
                except UpstreamError:
                    return FAILED
        elif not exchange.asked.array and is_json(exchange.asked, reply.headers):
            whole = await reply.whole(MAX_PLAIN)
            if not is_coded(reply.headers):
                feed(exchange, whole)
            answer = exchange.answer
            size = 0 if whole is None else len(whole.raw)
            if answer is not None and await aside(size, error_of, answer):
                return FAILED
        return reply.status


FAILED = 502
"""A failure in an answer with status 200 counts as this status."""


class _Events(Beginning):
    """Looks for the first event of any kind."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(Generic(), clock)


def _anything(batch: Batch) -> bool:
    return True


class HigressPath(RequestPath):
    generation_path = staticmethod(dashscope_higress.generation_path)

    def __init__(self, config: ProviderConfig, row: Provider, endpoint: Endpoint, env: Env) -> None:
        super().__init__(config, row, endpoint, env)
        self._format = format_of(config, row, env)

    def _is_below(self, path: str, base: str) -> bool:
        """Also accepts a path whose last name only begins with that of the base."""
        return path.startswith(base)

    def _own(self, path: str, call: Call) -> str:
        """Leaves the paths of some providers alone."""
        return path if self._row.keeps_original_paths else super()._own(path, call)

    def _own_query(self) -> str:
        """Adds nothing to a path that it leaves alone."""
        original = self._config.protocol == "original" and self._row.keeps_original_paths
        return "" if original else super()._own_query()

    def _put_in_front(self, base: str) -> str:
        """Keeps a final slash, so that there are two."""
        return base

    def _query(self, source: Request, own: str) -> str:
        """Keeps the whole query of the client."""
        return source.query

    def _mapped(self, path: str, call: Call, source: Request) -> str:
        """Maps the path of a single model like that of the list of models."""
        models = self._endpoint.paths.get(apis.MODELS)
        if call.api is None and models and not self._endpoint.path and "/v1/models/" in path:
            return f"{models}/{path.partition('/v1/models/')[2]}"
        return super()._mapped(path, call, source)

    def _path_of(self, call: Call, path: str) -> str | None:
        """Also returns paths of Anthropic's and Gemini's formats."""
        own = takes(self._format, call.api)
        if own is None or call.api is None or call.api in self._endpoint.paths:
            return super()._path_of(call, path)
        return own.path(call.api, call.model, stream=call.streaming)


class HigressProvider(BoundProvider):
    paths: ClassVar[type[RequestPath]] = HigressPath
    edits: ClassVar[type[BodyEdits]] = HigressEdits
    answers: ClassVar[type[Answers]] = HigressAnswers
    judges: ClassVar[type[Judge]] = HigressJudge
    own_paths: ClassVar[bool] = False
    keeps_vectors_apart: ClassVar[bool] = False
    bare_retries: ClassVar[bool] = True
    tells_first_only: ClassVar[bool] = True
    returns_reasoning: ClassVar[bool] = False

    def __init__(self, config: ProviderConfig, env: Env, *, at_route: bool = True) -> None:
        super().__init__(config, env, at_route=at_route)
        self._format = format_of(config, self.row, env)
        self.row = replace(self.row, auths={})  # they are for paths that it does not have

    async def _translation(
        self, exchange: Exchange, source: Request, api: str | None
    ) -> tuple[HigressTranslation | None, None]:
        """Translates only requests of Anthropic's clients, in Higress's own way."""
        offered = not self.row.maps_models or apis.MESSAGES in self._endpoint.paths
        if api != apis.MESSAGES or offered or self.config.protocol != "openai" or not source.is_json:
            return None, None
        taken = Taken(
            reasoning=self.row.keeps_reasoning,
            usage=not self.config.disable_stream_usage_stats,
            switch=self.row.switches_thinking,
            budget=self.row.rules.takes_reasoning_budget,
        )
        try:
            return HigressTranslation(source, taken), None
        except ValueError as error:
            raise unusable(f"failed to convert claude request to openai: {error}") from None

    def _add_headers(self, given: CIMultiDict[str]) -> None:
        """Lets the provider's own headers replace those of the client."""
        given.update(self._endpoint.headers)
        for name in self._format.foreign if self._format is not None else ():
            given.popall(name, None)

    def _dialect(self, dialect: Dialect, api: str | None) -> Dialect:
        """Also returns the dialects of Anthropic's and Gemini's formats."""
        own = takes(self._format, api)
        return own.dialects[api] if own is not None and api else super()._dialect(dialect, api)

    def _check_convertible(self, request: Request, document: Document, api: str) -> None:
        """Refuses to convert a request without a model."""
        if takes(self._format, api) is None:
            super()._check_convertible(request, document, api)
        else:
            qwen.check(document, has_default=False, quoted=self._shown(request))

    async def _write_body(
        self, asked: Asked, request: Request, api: str, source: Request, *, bare: bool
    ) -> tuple[str, bool]:
        """Also says that a stream is accepted where a chat asks for one."""
        if api == apis.CHAT and asked.stream:
            request.headers["accept"] = "text/event-stream"
        return await super()._write_body(asked, request, api, source, bare=bare)

    def retries(self, call: Call) -> bool:
        """Does not try streams again."""
        return not call.streaming

    def added(self, call: Call, source: Request) -> list[str]:
        """Returns no fields that could be taken out again after a refusal."""
        return []

    def _headers(self, source: Request) -> CIMultiDict[str]:
        """Also sends the client's keys, cookies and origin to the provider."""
        return headers.beyond_connection(source)

    def reads_form(self, source: Request, api: str | None) -> bool:
        """Reads forms only for images. Others pass as they are."""
        return api in (apis.IMAGE_EDIT, apis.IMAGE_VARIATION) and super().reads_form(source, api)

    def _map_path(self, request: Request, asked: Asked) -> tuple[str, bool]:
        """Does not map a model in a path."""
        return "", False

    def _note_original(self, request: Request, original: Request) -> None:
        headers.add_originals(request.headers, original, request.path)

    def _bound_first_byte(self, call: Call) -> Call:
        """Also says how long the first byte may take in Envoy's header."""
        call.request.headers["x-envoy-upstream-rq-first-byte-timeout-ms"] = str(self.config.first_byte_timeout)
        return super()._bound_first_byte(call)

    def _check_offered(self, exchange: Exchange, api: str | None, request: Request) -> None:
        """Refuses a missing API only for requests with a JSON body, and only for some providers."""
        offered = api is None or self._endpoint.path or api in self._endpoint.paths or takes(self._format, api)
        if not offered and request.is_json and self.row.unlisted == "refuse":
            raise not_offered(self.name, api or "", request)

    def _check_known(self, exchange: Exchange, source: Request) -> None:
        """Checks nothing: any path goes to the provider, with its key."""

    def _shown(self, request: Request) -> str:
        return f": {request.body.decode('utf-8', 'replace')}"

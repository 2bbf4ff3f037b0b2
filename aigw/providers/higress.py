"""What Higress does in another way when it asks a provider, where ours is better: each method here is a difference.

Rule: nothing else in `providers` knows of it."""

from __future__ import annotations

from typing import ClassVar

from multidict import CIMultiDict

from aigw.core.dialect import Asked
from aigw.core.document import Document
from aigw.core.env import Clock, Env
from aigw.core.errors import UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Request
from aigw.core.reply import Reply
from aigw.dialects import apis, dashscope_higress, openai_chat_request
from aigw.dialects.bodies import is_coded, is_json
from aigw.dialects.dashscope_openai_stream import StreamDecoder
from aigw.dialects.generic import Generic
from aigw.dialects.openai_embeddings import EmbeddingsView
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers import headers
from aigw.providers.answers import Answers
from aigw.providers.bound import BoundProvider, not_offered
from aigw.providers.call import Call
from aigw.providers.config import ProviderConfig
from aigw.providers.decoding import Decoder
from aigw.providers.edits import BodyEdits
from aigw.providers.judge import Beginning, Judge, check_alone, feed
from aigw.providers.provider import Provider
from aigw.translation.translation import AnyTranslation


def provider_type(env: Env) -> type[BoundProvider]:
    """The one that the fidelity wants."""
    return env.choose(safe=BoundProvider, higress=HigressProvider)


class HigressEdits(BodyEdits):
    writes_empty_model: ClassVar[bool] = True
    encode_chat = staticmethod(dashscope_higress.encode_chat)
    encode_embeddings = staticmethod(dashscope_higress.encode_embeddings)

    @property
    def _adds_model(self) -> bool:
        """Not at every provider."""
        return self._row.without_model == "write"

    async def context(self, asked: Asked, api: str) -> str | None:
        """Chat requests alone get the context file."""
        return await super().context(asked, api) if api == apis.CHAT else None

    def _written_anew(self, document: Document) -> None:
        """What Higress does not know is lost."""
        openai_chat_request.reserialise(document)

    def _drop_nulls(self, document: Document) -> None:
        """They stay."""


class HigressAnswers(Answers):
    native_stream: ClassVar[type[StreamDecoder]] = dashscope_higress.HigressStream
    decode_chat = staticmethod(dashscope_higress.decode_chat)

    def _promotes(self, config: ProviderConfig, row: Provider) -> bool:
        """Only where it reads answers anyway."""
        return row.reads_replies and super()._promotes(config, row)

    def _shape_headers(self, reply: Reply) -> None:
        """The provider's cookies and permissions pass."""

    def _hides(self, config: ProviderConfig) -> tuple[bytes, ...]:
        """Errors pass as they are."""
        return ()

    async def _without_keys(self, exchange: Exchange, reply: Reply) -> Reply:
        return reply

    async def _uncoded(self, exchange: Exchange, call: Call, reply: Reply) -> Reply | None:
        """A coded answer passes as it is."""
        return None

    def _finishers(self, exchange: Exchange, call: Call) -> list[Decoder]:
        """Usage that was not asked for passes, and an end mark that is missing stays missing."""
        return []

    @staticmethod
    async def fit(exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """It passes in the form in which it came."""
        return reply

    def _shape_embeddings(self, body: bytes, asked: EmbeddingsView) -> bytes:
        """They pass in any format."""
        return body

    async def _shape_error(self, exchange: Exchange, reply: Reply) -> Reply:
        """An error page passes, whatever it is."""
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
            if exchange.answer is not None and exchange.answer.error:
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


class HigressProvider(BoundProvider):
    generation_path = staticmethod(dashscope_higress.generation_path)
    edits: ClassVar[type[BodyEdits]] = HigressEdits
    answers: ClassVar[type[Answers]] = HigressAnswers
    judges: ClassVar[type[Judge]] = HigressJudge
    own_paths: ClassVar[bool] = False
    keeps_vectors_apart: ClassVar[bool] = False
    bare_retries: ClassVar[bool] = True
    tells_first_only: ClassVar[bool] = True

    async def _translation(self, exchange: Exchange, source: Request, api: str | None) -> AnyTranslation | None:
        """What it translates, it translates in its own way."""
        return None

    def retries(self, call: Call) -> bool:
        """No streams."""
        return not call.streaming

    def added(self, call: Call, source: Request) -> list[str]:
        """Nothing is taken out again."""
        return []

    def _headers(self, source: Request) -> CIMultiDict[str]:
        """Also keys, cookies and where the client comes from."""
        return headers.beyond_connection(source)

    def reads_form(self, source: Request, api: str | None) -> bool:
        """Forms pass as they are."""
        return False

    def _map_path(self, request: Request, asked: Asked) -> tuple[str, bool]:
        """A model in a path stays."""
        return "", False

    def _note_original(self, request: Request, original: Request) -> None:
        headers.add_originals(request.headers, original, request.path)

    def _bound_first_byte(self, call: Call) -> Call:
        """Envoy learns of it, too."""
        call.request.headers["x-envoy-upstream-rq-first-byte-timeout-ms"] = str(self.config.first_byte_timeout)
        return super()._bound_first_byte(call)

    def _check_offered(self, api: str | None, request: Request) -> None:
        """It is found out where a body is read, and only of some providers."""
        offered = api is None or self._endpoint.path or api in self._endpoint.paths
        if not offered and request.is_json and self.row.unlisted == "refuse":
            raise not_offered(self.name, api or "", request)

    def _check_known(self, exchange: Exchange, source: Request) -> None:
        """Any path goes on, with the provider's key."""

    def _is_below(self, path: str, base: str) -> bool:
        """Also a name that begins in the same way."""
        return path.startswith(base)

    def _query(self, source: Request, own: str) -> str:
        """All of it."""
        return source.query

    def _mapped_path(self, path: str, call: Call, source: Request) -> str:
        """One model of a list is no API of its own."""
        models = self._endpoint.paths.get(apis.MODELS)
        if call.api is None and models and not self._endpoint.path and "/v1/models/" in path:
            return f"{models}/{path.partition('/v1/models/')[2]}"
        return super()._mapped_path(path, call, source)

    def _shown(self, request: Request) -> str:
        return f": {request.body.decode('utf-8', 'replace')}"

"""Turns a provider's answer into the form that clients expect: OpenAI's format, without events that the client did not
ask for, and with errors as JSON."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import ClassVar, Protocol

import msgspec

from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk
from aigw.core.redaction import Redaction
from aigw.core.reply import Reply, Stage
from aigw.dialects import apis, embedding_format, openai_chat_reply
from aigw.dialects.dashscope import DashScopeReader
from aigw.dialects.dashscope_openai_reply import decode_chat, decode_embeddings
from aigw.dialects.dashscope_openai_stream import StreamDecoder
from aigw.dialects.openai_chat import CompletionsReader
from aigw.dialects.openai_chat_stream import ChatStream
from aigw.dialects.openai_embeddings import EmbeddingsView
from aigw.dialects.openai_error import JSON
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers.call import Call
from aigw.providers.config import ProviderConfig
from aigw.providers.provider import Provider

log = logging.getLogger("aigw")

OWN_HEADERS = ("set-cookie", "alt-svc", "nel", "report-to", "strict-transport-security")
"""Response headers that are about the provider's own address, as are those that begin with Access-Control-. They are
removed, because a browser would apply them to the gateway."""

MAX_ERROR = 64 * 1024
"""The largest error page, in bytes, that is read and converted into an error."""
MAX_SHOWN = 1000
"""Characters of an error page that a client gets."""
MAX_LOGGED = 4000
"""How many characters of an error page are logged."""


@lru_cache(maxsize=512)
def _is_own(name: str) -> bool:
    return name.lower().startswith(("access-control-", *OWN_HEADERS))


class Decoder(Protocol):
    """Rewrites the events of a stream, sans-io. `end` returns the events that are added when the stream ends."""

    def feed(self, batch: Batch) -> Batch: ...

    def end(self) -> Batch: ...


def stage(decoder: Decoder) -> Stage:
    """Returns a rewriter for `Reply.through` that uses a decoder."""
    return lambda batches: _Decoded(decoder, batches)


class _Decoded:
    """The batches that a decoder returns. It is a class, because an async generator costs the event loop more time."""

    __slots__ = ("_batches", "_decoder", "_ended")

    def __init__(self, decoder: Decoder, batches: AsyncIterator[Batch]) -> None:
        self._decoder = decoder
        self._batches = batches
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._ended:
            try:
                out = self._decoder.feed(await self._batches.__anext__())
            except StopAsyncIteration:
                self._ended = True
                out = self._decoder.end()
            if out:
                return out
        raise StopAsyncIteration


class Answers:
    """Reads the answers of one provider."""

    native_stream: ClassVar[type[StreamDecoder]] = StreamDecoder
    decode_chat = staticmethod(decode_chat)

    def __init__(self, config: ProviderConfig, row: Provider, env: Env) -> None:
        self._row = row
        self._env = env
        mode = config.reasoning_content_mode
        self._reasoning = mode if mode in ("ignore", "concat") else "passthrough"
        self._promote = self._promotes(config, row)
        self._original = config.protocol == "original"
        self._logs_errors = config.log_upstream_error_response_body
        self._secrets = config.api_tokens

    async def read(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Returns the reply for the client. Raises UpstreamError if the provider's answer is not in its format."""
        self._shape_headers(reply)
        encoded = reply.headers.get("content-encoding", "identity") != "identity"
        if self._original or encoded:
            return reply  # a compressed body is passed on without reading it
        if reply.status != 200:
            if self._logs_errors and reply.status >= 400:
                await self._log_error(exchange, reply)
            return await self._shape_error(exchange, reply)
        if reply.streaming:
            for decoder in self._decoders(exchange, call):
                reply.through(stage(decoder))
        elif call.api in apis.MODEL_IN_BODY and "json" in reply.headers.get("content-type", ""):
            return await self._plain(exchange, call, reply)
        return reply

    def _decoders(self, exchange: Exchange, call: Call) -> list[Decoder]:
        if call.api not in apis.INCLUDE_USAGE:
            return []
        asked = exchange.asked
        decoders: list[Decoder] = []
        if self._row.dialect == "qwen":
            decoder = self.native_stream(
                model=call.model,
                now=self._env.clock.time,
                reasoning=self._reasoning,
                incremental=not isinstance(exchange.answer, DashScopeReader) or exchange.answer.incremental,
                usage=asked.wants_usage,
            )
            decoders.append(decoder)
        if self._row.usage_in_choice:
            decoders.append(openai_chat_reply.LiftUsage())
        if self._promote:
            decoders.append(openai_chat_reply.PromoteThinking())
        return [*decoders, *self._finishers(exchange)]

    async def _plain(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        whole = await reply.whole(MAX_PLAIN)
        if whole is None or whole.data is None:
            return reply
        try:
            body = self._converted(exchange, call, whole)
        except ValueError as error:
            raise UpstreamError(UpstreamFault.PROTOCOL, str(error)) from None
        if body is whole.raw:
            return reply
        return exchange.reply(body, status=reply.status, headers=reply.headers.items())

    def _converted(self, exchange: Exchange, call: Call, whole: Chunk) -> bytes:
        body = whole.raw
        if self._row.dialect == "qwen":
            if call.api == apis.CHAT:
                return self.decode_chat(
                    whole,
                    model=call.model,
                    created=int(self._env.clock.time()),
                    reasoning=self._reasoning,
                    promote=self._promote,
                )
            if call.api == apis.EMBEDDINGS:
                body = decode_embeddings(whole, model=call.model)
        if isinstance(exchange.asked, EmbeddingsView):
            return self._shape_embeddings(body, exchange.asked)
        if call.api == apis.CHAT and self._promote:
            return openai_chat_reply.promote_thinking(body)
        return body

    async def _log_error(self, exchange: Exchange, reply: Reply) -> None:
        """Logs an error page, for `logUpstreamErrorResponseBody`. Keys in its text are hidden."""
        whole = await reply.whole(MAX_ERROR)
        text = whole.raw.decode("utf-8", "replace") if whole else f"more than {MAX_ERROR} bytes"
        text = self._redaction(exchange).text(text, MAX_LOGGED)
        log.warning("%s the provider answered %d: %s", exchange.id, reply.status, text)

    def _redaction(self, exchange: Exchange) -> Redaction:
        redaction = Redaction(self._secrets)
        redaction.learn_headers(exchange.request.headers)
        return redaction

    # What Higress does not do

    def _promotes(self, config: ProviderConfig, row: Provider) -> bool:
        """Returns whether the reasoning of an answer without text becomes its text."""
        return config.promote_thinking_on_empty or config.hiclaw_mode

    def _shape_headers(self, reply: Reply) -> None:
        for name in [name for name in reply.headers if _is_own(name)]:
            reply.headers.popall(name, None)

    def _finishers(self, exchange: Exchange) -> list[Decoder]:
        """Returns the last decoders. If the provider's own events are of another dialect, they read the converted
        events."""
        asked, reader = exchange.asked, exchange.answer
        hide = not asked.wants_usage
        if isinstance(reader, CompletionsReader):
            return [ChatStream(reader, hide_usage=hide)]
        return [ChatStream(CompletionsReader(asked.choices, streaming=True), hide_usage=hide, reads=True)]

    def _shape_embeddings(self, body: bytes, asked: EmbeddingsView) -> bytes:
        """Returns the body with its embeddings in the format that the client asked for."""
        return embedding_format.in_format(body, asked.encoding_format)

    async def _shape_error(self, exchange: Exchange, reply: Reply) -> Reply:
        """Returns the reply for an error of the provider. If it is not JSON (such as the HTML page of a proxy), it is
        converted into the client's format, because SDKs only read that."""
        if reply.status < 400 or "json" in reply.headers.get("content-type", ""):
            return reply
        whole = await reply.whole(MAX_ERROR)
        if whole is None or _is_json(whole.raw):
            return reply
        text = self._redaction(exchange).text(whole.raw.decode("utf-8", "replace").strip(), MAX_SHOWN)
        message = f"the provider answered {reply.status}: {text or 'without a body'}"
        error = GatewayError(reply.status, message, kind="upstream_error", code="upstream_status")
        kept = [
            (name, value)
            for name, value in reply.headers.items()
            if name.lower() not in ("content-type", "content-length")
        ]
        body = exchange.dialect.error(error, exchange.id)
        return exchange.reply(body, status=reply.status, headers=[*kept, ("Content-Type", JSON)])


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True

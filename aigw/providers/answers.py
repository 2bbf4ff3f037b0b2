"""Turns a provider's answer into the form that clients expect: OpenAI's format, without events that the client did not
ask for, and with errors as JSON."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import ClassVar

import msgspec
from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.layers import Decoder
from aigw.core.model import Chunk
from aigw.core.redaction import Redaction, hidden_in, long_ones, secrets_in, shown
from aigw.core.reply import Reply
from aigw.dialects import apis, embedding_format, openai_chat_reply, vertex_embeddings
from aigw.dialects.anthropic_model import AskedModel, with_asked_model
from aigw.dialects.bodies import begins_events, is_coded
from aigw.dialects.dashscope import DashScopeReader
from aigw.dialects.dashscope_openai import lost_of
from aigw.dialects.dashscope_openai_reply import decode_chat, decode_embeddings
from aigw.dialects.dashscope_openai_stream import StreamDecoder
from aigw.dialects.json_values import decoded
from aigw.dialects.openai_chat import CompletionsReader
from aigw.dialects.openai_chat_stream import ChatStream
from aigw.dialects.openai_embeddings import EmbeddingsView
from aigw.dialects.openai_error import JSON
from aigw.dialects.readable_failures import ReadableFailures, anthropic_reads, openai_reads
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers.answer_form import fit
from aigw.providers.call import Call
from aigw.providers.config import ProviderConfig
from aigw.providers.provider import Provider
from aigw.providers.quoted_keys import (
    CodedKeys,
    HiddenKeys,
    LongError,
    decoded_body,
    decoding_of,
    hidden_text,
    uncoded_headers,
)
from aigw.providers.translated import tell_lost, translated
from aigw.translation.errors import error_of

log = logging.getLogger("aigw")

OWN_HEADERS = ("set-cookie", "alt-svc", "nel", "report-to", "strict-transport-security")
"""Response headers that are about the provider's own address, as are those that begin with Access-Control-. They are
removed, because a browser would apply them to the gateway. So are those that begin with x-aigw-: they are ours."""

READS = {apis.MESSAGES: anthropic_reads, apis.RESPONSES: openai_reads}
"""For each API, whether its clients see an event of a stream as an error. Chat completions have a decoder of their
own."""
_USUAL = (None, "auto", True)
"""The values with which fields that rows drop ask for nothing."""
MODEL_HEADER = "x-aigw-model"
"""Names the model to which a request went, where the answer names the one that the client asked for."""
MAX_ERROR = 64 * 1024
"""The largest error page, in bytes, that is read and converted into an error."""
MAX_DECODED = 16 * MAX_ERROR
"""The largest error page, in bytes, without its coding."""
MAX_SHOWN = 1000
"""Characters of an error page that a client gets."""
MAX_LOGGED = 4000
"""How many characters of an error page are logged."""


@lru_cache(maxsize=512)
def _own_among(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.lower().startswith(("access-control-", "x-aigw-", *OWN_HEADERS))]


class Answers:
    """Reads the answers of one provider."""

    native_stream: ClassVar[type[StreamDecoder]] = StreamDecoder
    decode_chat = staticmethod(decode_chat)
    fit = staticmethod(fit)
    """Returns the reply in the form that the client asked for: a stream, or one body."""

    def __init__(self, config: ProviderConfig, row: Provider, env: Env) -> None:
        self._row = row
        self._env = env
        mode = config.reasoning_content_mode
        self._reasoning = mode if mode in ("ignore", "concat") else "passthrough"
        self._promote = self._promotes(config, row)
        self._converts = self._promote or row.dialect == "qwen"
        self._loses = row.dialect == "qwen" or bool(row.drops)
        self._original = config.protocol == "original"
        self._logs_errors = config.log_upstream_error_response_body
        self._secrets = config.api_tokens
        self.hidden = self._hides(config)
        """The keys that the client must not see in errors or headers."""
        self._hidden_always = long_ones(self.hidden)

    async def read(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Returns the reply for the client. Raises UpstreamError if the provider's answer is not in its format."""
        reply = await self._spoken(exchange, call, reply)
        lost = self._lost(exchange, call) if self._loses else []
        if call.translation is not None:
            reply = await translated(exchange, call.translation, reply, lost)
        elif lost:
            return tell_lost(exchange, reply, lost)
        elif call.api != apis.MESSAGES or call.model in ("", exchange.named or exchange.asked.model):
            return reply  # with the provider's own bytes
        if exchange.api == apis.MESSAGES:
            return await self._as_asked(exchange, call, reply)
        return reply if call.continued is None else await call.continued.keeping(exchange, reply)

    def _lost(self, exchange: Exchange, call: Call) -> list[str]:
        """Returns the fields that the provider does not get because of its row, or of DashScope's own format."""
        native = self._row.dialect == "qwen" and call.api == apis.CHAT
        if not native and call.api not in self._row.drops:
            return []  # there may be no JSON
        document = (exchange.original if call.translation is None else call.translation.request).document
        dropped = self._row.drops.get(call.api or "", ())
        lost = [name for name in dropped if document.get(name) not in _USUAL]
        return lost + (lost_of(document) if native else [])

    async def _spoken(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Returns the reply in the format of the request, before its translation."""
        self._shape_headers(reply)
        if reply.status >= 400:
            reply = await self._without_keys(exchange, reply)
        elif reply.in_array and self.hidden:
            reply.decode(HiddenKeys(self.hidden))
        encoded = reply.headers.get("content-encoding", "identity") != "identity"
        if self._hidden_always and reply.status < 400 and (encoded or reply.plain):
            reply = await self._keyless(exchange, reply, encoded=encoded)
            encoded = encoded and "content-encoding" in reply.headers
        if self._original:
            return reply
        if encoded:
            uncoded = await self._uncoded(exchange, call, reply) if reply.status == 200 else None
            if uncoded is None:
                return reply  # its bytes pass as they came
            reply = uncoded
        if reply.status != 200:
            if self._logs_errors and reply.status >= 400:
                await self._log_error(exchange, reply)
            return await self._shape_error(exchange, call, reply)
        if self._converts or not reply.plain or call.api in apis.VECTORS:
            reply = await self._decoded(exchange, call, reply)
        return await self.fit(exchange, call, reply)

    async def _decoded(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        if reply.streaming:
            for decoder in self._decoders(exchange, call):
                reply.decode(decoder)
        elif call.api in apis.MODEL_IN_BODY and "json" in reply.headers.get("content-type", ""):
            return await self._plain(exchange, call, reply)
        return reply

    def _decoders(self, exchange: Exchange, call: Call) -> list[Decoder]:
        if call.api not in apis.INCLUDE_USAGE:
            return self._readable_failures(exchange, call)
        asked = call.asked
        decoders: list[Decoder] = []
        if self._row.dialect == "qwen":
            decoder = self.native_stream(
                model=call.model,
                now=self._env.clock.time,
                reasoning=self._reasoning,
                incremental=not isinstance(exchange.answer, DashScopeReader) or exchange.answer.incremental,
                usage=asked.wants_usage or not asked.stream,
            )
            decoders.append(decoder)
        if self._row.usage_in_choice:
            decoders.append(openai_chat_reply.LiftUsage())
        if self._promote:
            decoders.append(openai_chat_reply.PromoteThinking())
        return [*decoders, *self._finishers(exchange, call)]

    async def _plain(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        whole = await reply.whole(MAX_PLAIN)
        if whole is None or whole.data is None:
            return reply
        if exchange.answer is not None and exchange.answer.error:
            clean = hidden_in(whole.raw, self.hidden)
            whole = whole if clean is whole.raw else Chunk(clean, clean)
            reply = exchange.reply(whole.raw, status=reply.status, headers=reply.headers.items())
        try:
            body = await aside(len(whole.raw), self._converted, exchange, call, whole)
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
        elif self._row.dialect == "vertex" and call.api == apis.EMBEDDINGS:
            body = vertex_embeddings.decode(whole, model=call.model)
        if isinstance(call.asked, EmbeddingsView):
            return self._shape_embeddings(body, call.asked)
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
        for name in _own_among(tuple(reply.headers)):
            reply.headers.popall(name, None)
        values = "\n".join(reply.headers.values()).encode("utf-8", "surrogateescape")
        if hidden_in(values, self._hidden_always) is not values:
            headers = [(name, hidden_text(value, self.hidden)) for name, value in reply.headers.items()]
            reply.headers = CIMultiDict(headers)

    async def _as_asked(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Returns an answer to a client of Anthropic's API with the name of the model that it asked for. A header has
        the other one."""
        name = exchange.named or exchange.asked.model
        if not name or reply.status != 200 or is_coded(reply.headers):
            return reply
        reply.headers[MODEL_HEADER] = shown(call.model).encode("ascii", "replace").decode()
        if reply.streaming:
            return reply.decode(AskedModel(name))
        if (whole := await reply.whole(MAX_PLAIN)) is None:
            return reply
        body = await aside(len(whole.raw), with_asked_model, whole.raw, name)
        if body is whole.raw:
            return reply
        named = exchange.reply(body, headers=reply.headers.items())
        named.makeshift = reply.makeshift
        return named

    def _hides(self, config: ProviderConfig) -> tuple[bytes, ...]:
        """Returns the keys of the configuration, which a provider may quote."""
        return secrets_in(msgspec.to_builtins(config), config.api_tokens)

    async def _without_keys(self, exchange: Exchange, reply: Reply) -> Reply:
        """Returns an error of the provider without our keys, also where they stand in a header, and without its coding,
        so that it can be read."""
        headers = [(name, hidden_text(value, self.hidden)) for name, value in reply.headers.items()]
        whole = await reply.whole(MAX_ERROR)
        if whole is None:
            decoding = decoding_of(reply.headers) if is_coded(reply.headers) else None
            reply.headers = CIMultiDict(uncoded_headers(headers) if decoding is not None else headers)
            return reply.decode(LongError(self.hidden, decoding))
        body = hidden_in(await decoded_body(whole.raw, reply.headers, MAX_DECODED), self.hidden)
        if body is not whole.raw:
            headers = uncoded_headers(headers)
        return exchange.reply(body, status=reply.status, headers=headers, streaming=reply.streaming)

    async def _keyless(self, exchange: Exchange, reply: Reply, *, encoded: bool) -> Reply:
        """Hides our keys in a body that is no stream of events. A body with a content coding keeps its bytes if it has
        no key. A coded body that streams is broken off if it has one."""
        if encoded and not reply.single:
            decoding = decoding_of(reply.headers)
            return reply.decode(CodedKeys(self._hidden_always, decoding)) if decoding is not None else reply
        whole = await reply.whole(MAX_PLAIN)
        if whole is None:
            return reply
        read = await decoded_body(whole.raw, reply.headers, MAX_PLAIN) if encoded else whole.raw
        clean = hidden_in(read, self._hidden_always)
        if clean is read:
            return reply
        plain, headers = reply.plain, uncoded_headers(reply.headers.items())
        reply = exchange.reply(clean, status=reply.status, headers=headers)
        reply.plain = plain
        return reply

    async def _uncoded(self, exchange: Exchange, call: Call, reply: Reply) -> Reply | None:
        """Returns a coded answer without its coding if it must be changed for the client: it is a stream where none was
        asked for, or the reverse, or the provider's own format. None: it need not be changed, or cannot be decoded."""
        asked = call.asked
        events = "event-stream" in reply.headers.get("content-type", "").lower()
        if not call.spoken.convertible or asked.array or (events and asked.stream):
            return None
        whole = await reply.whole(MAX_PLAIN)
        data = await decoded_body(whole.raw, reply.headers, MAX_PLAIN) if whole is not None else b""
        if not data or (begins_events(data) == asked.stream and not self._converts and call.translation is None):
            return None
        return exchange.reply(data, headers=uncoded_headers(reply.headers.items()))

    def _readable_failures(self, exchange: Exchange, call: Call) -> list[Decoder]:
        """Returns what lets a client who gets the provider's own events see that these tell of a failure."""
        reads = READS.get(call.api or "")
        if reads is None or exchange.answer is None or call.translation is not None:
            return []
        dialect = exchange.dialect
        return [ReadableFailures(exchange.answer, reads, lambda error: dialect.error_event(error, exchange.id))]

    def _finishers(self, exchange: Exchange, call: Call) -> list[Decoder]:
        """Returns the last decoders. If the provider's own events are of another dialect, they read the converted
        events."""
        asked, reader = call.asked, exchange.answer
        hide = asked.stream and not asked.wants_usage
        if isinstance(reader, CompletionsReader):
            return [ChatStream(reader, hide_usage=hide)]
        return [ChatStream(CompletionsReader(asked.choices, streaming=True), hide_usage=hide, reads=True)]

    def _shape_embeddings(self, body: bytes, asked: EmbeddingsView) -> bytes:
        """Returns the body with its embeddings in the format that the client asked for."""
        return embedding_format.in_format(body, asked.encoding_format)

    async def _shape_error(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        """Returns the reply for an error of the provider. If it is not JSON (such as the HTML page of a proxy), or is
        DashScope's own, it is converted into the client's format, because SDKs only read that."""
        native = self._row.dialect == "qwen" and call.translation is None and call.api in (apis.CHAT, apis.EMBEDDINGS)
        if reply.status < 400 or (not native and "json" in reply.headers.get("content-type", "")):
            return reply
        whole = await reply.whole(MAX_ERROR)
        if whole is None or (_is_json(whole.raw) and not native):
            return reply
        if _is_json(whole.raw):
            error = error_of(reply.status, whole.raw)
        else:
            page = " ".join(whole.raw.decode("utf-8", "replace").split())
            text = self._redaction(exchange).text(page, MAX_SHOWN)
            message = f"the provider answered {reply.status}: {text or 'without a body'}"
            error = GatewayError(reply.status, message, kind="upstream_error", code="upstream_status")
        kept = [
            (name, value)
            for name, value in reply.headers.items()
            if name.lower() not in ("content-type", "content-length")
        ]
        body = exchange.dialect.error(error, exchange.id)
        return exchange.reply(body, status=error.status, headers=[*kept, ("Content-Type", JSON)])


def _is_json(body: bytes) -> bool:
    try:
        decoded(body)
    except ValueError:
        return False
    return True

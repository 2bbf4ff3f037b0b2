"""Gives the client the translated answer of a provider that speaks another format, and says what was lost."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.core.aside import aside
from aigw.core.errors import ContextTooLongError, GatewayError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.redaction import shown
from aigw.core.reply import Reply
from aigw.dialects.openai_error import JSON
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers.answer_form import EVENTS
from aigw.providers.array_answer import Elements
from aigw.providers.too_long import told_in_stream
from aigw.translation.errors import error_of, wait_in
from aigw.translation.translation import AnyTranslation

LOST_HEADER = "x-aigw-lost"
"""Names what of the request has no counterpart at the provider."""
MAX_ERROR = 64 * 1024
"""The largest error, in bytes, that is read."""
MAX_LOST = 500
"""The longest header, in characters, before the dots that tell of more."""


async def translated(exchange: Exchange, translation: AnyTranslation, reply: Reply, lost: Sequence[str] = ()) -> Reply:
    """`lost` is what got lost behind the translation. Raises UpstreamError if the answer cannot be read."""

    def tell(reply: Reply) -> None:
        tell_lost(exchange, reply, [*translation.lost, *lost])

    tell(reply)
    if reply.status >= 400:
        return await _error(exchange, reply)
    if reply.streaming:
        try:
            decoder = translation.decoder(lambda error: exchange.dialect.error_event(error, exchange.id))
        except ValueError as error:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"the provider answered with a stream: {error}") from None
        reply.headers["content-type"] = EVENTS
        reply.decode(decoder).tap(on_end=lambda _: tell(reply))  # for the books
        return _in_array(reply) if exchange.asked.array else reply
    whole = await reply.whole(MAX_PLAIN)
    if whole is None:
        raise UpstreamError(UpstreamFault.PROTOCOL, f"the provider's answer has more than {MAX_PLAIN} bytes")
    try:
        body = await aside(len(whole.raw), translation.whole, whole.raw)
    except ValueError as error:
        raise UpstreamError(UpstreamFault.PROTOCOL, f"the provider's answer cannot be translated: {error}") from None
    made = exchange.reply(body, status=reply.status, headers=[*_headers(reply), ("content-type", JSON)])
    made.makeshift = reply.makeshift
    tell(made)
    return made


def _in_array(reply: Reply) -> Reply:
    """Returns the events as the elements of a JSON array."""
    reply.headers["content-type"] = JSON
    reply.streaming, reply.in_array = False, True
    return reply.decode(Elements())


def tell_lost(exchange: Exchange, reply: Reply, lost: Sequence[str]) -> Reply:
    """Names the fields in the reply's headers and for the books. Returns the reply."""
    if lost:
        text = shown(", ".join(lost)).encode("ascii", "replace").decode()
        text = text if len(text) <= MAX_LOST else f"{text[:MAX_LOST]}..."
        reply.headers[LOST_HEADER] = text
        exchange.labels.remarks["lost"] = text
    return reply


async def _error(exchange: Exchange, reply: Reply) -> Reply:
    whole = await reply.whole(MAX_ERROR)
    said = whole.raw if whole is not None else b""
    error = error_of(reply.status, said)
    if "retry-after" not in reply.headers and (seconds := wait_in(said)):
        reply.headers["retry-after"] = str(seconds)
    if isinstance(error, ContextTooLongError):
        told = told_in_stream(exchange, error, _headers(reply))
        if told is not None:
            return told
    return _error_reply(exchange, error, reply)


def _error_reply(exchange: Exchange, error: GatewayError, reply: Reply) -> Reply:
    body = exchange.dialect.error(error, exchange.id)
    return exchange.reply(body, status=error.status, headers=[*_headers(reply), ("content-type", JSON)])


def _headers(reply: Reply) -> list[tuple[str, str]]:
    """The headers that are not about the bytes."""
    own = ("content-type", "content-length", "content-encoding")
    return [(name, value) for name, value in reply.headers.items() if name.lower() not in own]

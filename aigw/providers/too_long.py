"""Tells a client that its conversation is too long, as its format tells it. Clients then shorten it."""

from __future__ import annotations

from collections.abc import Iterable

from aigw.core.answer import Failure
from aigw.core.errors import ContextTooLongError, FailedAnswerError
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.providers.answer_form import EVENTS
from aigw.translation.errors import too_long


def told_in_stream(exchange: Exchange, error: ContextTooLongError, headers: Iterable[tuple[str, str]]) -> Reply | None:
    """Returns a stream with the error, None if the client reads the error in an answer with its status."""
    told = exchange.dialect.failed_stream(error, exchange.id) if exchange.asked.stream else b""
    return exchange.reply(told, headers=[*headers, ("content-type", EVENTS)], streaming=True) if told else None


def told(exchange: Exchange, error: FailedAnswerError) -> Reply:
    """Returns or raises what the client gets for an answer that failed before it began."""
    answer = error.answer()
    found = too_long(Failure(answer.status, answer.message, answer.kind, answer.code or ""))
    if found is None or answer.status != 400:
        raise error
    reply = told_in_stream(exchange, found, ())
    if reply is None:
        raise found
    return reply

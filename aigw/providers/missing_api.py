"""Answers requests for an API that the provider does not have: with an estimate if the client only wants a count of
tokens, otherwise with an error that clients cannot mistake for another one.

Rule: only a 404 about the model is passed on. Claude Code takes every 404 for a missing model, and Codex shows it as
"high demand"."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aigw.core.content_coding import Decoding
from aigw.core.env import Tokenizer
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.counting import counted, prompt_of
from aigw.dialects.failures import message_in
from aigw.dialects.openai_error import JSON
from aigw.providers.answers import MAX_ERROR
from aigw.providers.request_errors import NOT_OFFERED

HEADER, ESTIMATED = "x-aigw-tokens", "estimated"
"""The header of an answer whose number of tokens the gateway has counted itself."""
LARGE = 16 * 1024
"""The tokens of a larger body are counted in a thread: it takes more than 1 ms."""
_STATUSES = (404, 405, 501)
_OTHERS = frozenset((apis.MESSAGES, apis.COMPACT_RESPONSE))
APIS = apis.COUNTING | _OTHERS
"""The APIs for which `ask` does anything."""
_OF_MODELS = (b"model", b"deployment")
"""The words of a 404 that is about the requested model and not about the API."""


def is_missing(api: str | None, status: int) -> bool:
    """Whether an answer of this status says that the provider does not count tokens. That is no failure."""
    return api in apis.COUNTING and status in _STATUSES


async def ask(exchange: Exchange, send: Callable[[], Awaitable[Reply]], tokenizer: Tokenizer) -> Reply:
    """Returns the answer for an API that the provider may not have. `send` asks the providers."""
    counts = exchange.api in apis.COUNTING and exchange.request.method == "POST"
    if not counts and exchange.api not in _OTHERS:
        return await send()
    source = exchange.request
    try:
        reply = await send()
    except GatewayError as error:
        if not counts or error.code != NOT_OFFERED:
            raise
        return await _estimate(exchange, source, tokenizer)
    if reply.status not in _STATUSES:
        return reply
    body = await _body(reply)
    if any(word in body.lower() for word in _OF_MODELS):
        return reply
    status = reply.status
    await reply.aclose()
    if counts:
        return await _estimate(exchange, source, tokenizer)
    name, path, said = exchange.attempts[-1], exchange.original.path, message_in(body)
    message = f"the provider '{name}' does not have {apis.title(exchange.api)} ({path}): it answered {status} {said}"
    raise GatewayError(400, message.rstrip(), code=NOT_OFFERED)


async def _body(reply: Reply) -> bytes:
    """Returns the body of an error, b"" if it cannot be read."""
    try:
        whole = await reply.whole(MAX_ERROR)
        return Decoding(reply.headers.get("content-encoding", ""), MAX_ERROR).feed(whole.raw if whole else b"")
    except (UpstreamError, ValueError, ImportError):
        return b""


async def _estimate(exchange: Exchange, source: Request, tokenizer: Tokenizer) -> Reply:
    """Answers the count itself. What the provider said of the API is not kept as a failure."""
    exchange.answer = None
    api, asked = exchange.api, exchange.asked
    try:
        prompt = prompt_of(source, asked, api)
        if len(source.body) <= LARGE and tokenizer.ready(asked.model):
            body = counted(prompt, api, tokenizer)
        else:
            body = await asyncio.to_thread(counted, prompt, api, tokenizer)
    except ValueError as error:
        raise GatewayError(400, f"the request body cannot be used: {error}", code="invalid_body") from None
    return exchange.reply(body, headers=[("Content-Type", JSON), (HEADER, ESTIMATED)])

"""Lists of models: joins those of several providers, and gives each list the shape that its caller reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from aigw.clients.callout import CalloutError, fetch_json
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.failures import failure_in_any, message_in
from aigw.dialects.model_list import encode, entries_of, is_error_for, reshape, shape_of
from aigw.dialects.openai_error import JSON
from aigw.dialects.reader import MAX_PLAIN
from aigw.providers.answers import MAX_ERROR
from aigw.providers.bound import BoundProvider
from aigw.providers.named_models import NamedModels

log = logging.getLogger("aigw")

_OF_BODIES = ("content-type", "content-length")
LIST_SECONDS = 10.0
"""A provider that takes longer to list its models is left out."""


async def list_models(
    exchange: Exchange,
    source: Request,
    providers: Sequence[BoundProvider],
    env: Env,
    *,
    answers: Callable[[BoundProvider, str], bool],
    named: NamedModels,
) -> Reply:
    """Asks all providers at the same time, and returns one list: the `named` models, and of each provider those that it
    `answers` here. A provider that fails is left out with its names, and the log says so; one without a list has
    names. Raises GatewayError if nothing is left."""
    asked = source.copy()
    asked.query = ""
    lists = await asyncio.gather(*(_list(exchange, asked, provider, env) for provider in providers))
    pairs = list(zip(providers, lists, strict=True))
    names = named.entries(each for each, listed in pairs if listed is not None or not each.offers(apis.MODELS))
    if not names and all(listed is None for listed in lists):
        raise GatewayError(
            502, "no provider lists its models; the log says why", kind="upstream_error", code="no_models"
        )
    found = [(provider, each) for provider, listed in pairs for each in listed or ()]
    models = {each["id"]: each for provider, each in found if answers(provider, each["id"])}
    return _listed(exchange, {name: names[name] for name in names if name not in models} | models)


def list_named(
    exchange: Exchange, source: Request, provider: BoundProvider, api: str | None, named: NamedModels
) -> Reply | None:
    """Answers what only the configuration knows: the list where `provider` has none, and a model that has another name
    there. None for all else."""
    if api == apis.MODELS:
        return _listed(exchange, named.entries([provider])) if named and not provider.offers(api) else None
    name = unquote(source.path.partition("/models/")[2]).removeprefix("models/")
    body = named.one(name, shape_of(exchange.dialect.name))
    return exchange.reply(body, headers=[("Content-Type", JSON)]) if body is not None else None


def _listed(exchange: Exchange, models: Mapping[str, dict[str, Any]]) -> Reply:
    body = encode(list(models.values()), shape_of(exchange.dialect.name))
    return exchange.reply(body, headers=[("Content-Type", JSON)])


async def as_caller_reads(exchange: Exchange, reply: Reply, named: NamedModels) -> Reply:
    """The answer of a provider to who asks for models, with the `named` ones, in the caller's shape, also if it is an
    error."""
    if reply.streaming or "content-encoding" in reply.headers:
        return reply
    if reply.status != 200:
        return await _error(exchange, reply) if reply.status >= 400 else reply
    whole = await reply.whole(MAX_PLAIN)
    if whole is None:
        return reply
    told, shape = whole.json(), shape_of(exchange.dialect.name)
    body = named.beside(told, shape) or reshape(told, shape)
    if body is None:
        return reply
    return exchange.reply(body, headers=[("Content-Type", JSON)])


async def _error(exchange: Exchange, reply: Reply) -> Reply:
    """The error of a provider in the caller's shape."""
    whole = await reply.whole(MAX_ERROR)
    message = message_in(whole.raw) if whole is not None else ""
    if whole is None or not message or is_error_for(whole.json(), shape_of(exchange.dialect.name)):
        return reply
    error = GatewayError(reply.status, message)
    kept = [(name, value) for name, value in reply.headers.items() if name.lower() not in _OF_BODIES]
    return exchange.reply(
        exchange.dialect.error(error, exchange.id), status=reply.status, headers=[*kept, ("Content-Type", JSON)]
    )


async def _list(exchange: Exchange, source: Request, provider: BoundProvider, env: Env) -> list[dict[str, Any]] | None:
    try:
        call = await provider.write(exchange, source, apis.MODELS, provider.tokens.pick())
        listed: Any = await fetch_json(env.upstream, call.request, call.target, LIST_SECONDS, object)
        entries = None if failure_in_any(listed) is not None else entries_of(listed)
        if entries is None:
            raise CalloutError(f"{call.target.authority}: this is no list of models")
    except (CalloutError, GatewayError) as error:
        log.warning("the models of '%s' are not listed: %s", provider.name, error)
        return None
    return entries

"""Joins the lists of models of several providers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.clients.callout import CalloutError, fetch_json
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.openai_error import JSON
from aigw.providers.bound import BoundProvider

log = logging.getLogger("aigw")

LIST_SECONDS = 10.0
"""A provider that takes longer to list its models is left out."""


class _Listed(msgspec.Struct):
    data: list[Any]


async def list_models(exchange: Exchange, source: Request, providers: Sequence[BoundProvider], env: Env) -> Reply:
    """Asks all providers at the same time, and returns one list. A provider that fails is left out, and the log says
    so."""
    lists = await asyncio.gather(*(_list(exchange, source, provider, env) for provider in providers))
    models = {model["id"]: model for models in lists for model in models}
    body = msgspec.json.encode({"object": "list", "data": list(models.values())})
    return exchange.reply(body, headers=[("Content-Type", JSON)])


async def _list(exchange: Exchange, source: Request, provider: BoundProvider, env: Env) -> list[dict[str, Any]]:
    try:
        call = await provider.write(exchange, source, apis.MODELS, provider.tokens.pick())
        listed = await fetch_json(env.upstream, call.request, call.target, LIST_SECONDS, _Listed)
    except (CalloutError, GatewayError) as error:
        log.warning("the models of '%s' are not listed: %s", provider.name, error)
        return []
    return [model for model in listed.data if isinstance(model, dict) and isinstance(model.get("id"), str)]

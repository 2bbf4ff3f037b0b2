"""The list of models of several providers as one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.errors import JSON
from aigw.providers.bound import BoundProvider

log = logging.getLogger("aigw")

LIST_SECONDS = 10.0
"""A provider that takes longer to list its models is left out."""
_NO_LIST = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError)


async def list_models(exchange: Exchange, source: Request, providers: Sequence[BoundProvider], env: Env) -> Reply:
    """Asks all providers at once. One that fails is left out and named in the log."""
    lists = await asyncio.gather(*(_list(exchange, source, provider, env) for provider in providers))
    models = {model["id"]: model for models in lists for model in models}
    body = msgspec.json.encode({"object": "list", "data": list(models.values())})
    return exchange.reply(body, headers=[("Content-Type", JSON)])


async def _list(exchange: Exchange, source: Request, provider: BoundProvider, env: Env) -> list[dict[str, Any]]:
    try:
        async with asyncio.timeout(LIST_SECONDS):
            call = await provider.write(exchange, source, apis.MODELS, provider.tokens.pick())
            response = await (call.target.upstream or env.upstream).send(call.request, call.target)
            try:
                body = b"".join([piece async for piece in response.body])
            finally:
                await response.body.aclose()
            listed = msgspec.json.decode(body)["data"]
            return [model for model in listed if isinstance(model, dict) and isinstance(model.get("id"), str)]
    except (UpstreamError, GatewayError, TimeoutError, *_NO_LIST) as error:
        log.warning("the models of '%s' are not listed: %s", provider.name, error or type(error).__name__)
        return []

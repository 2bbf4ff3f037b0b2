"""Probes API tokens that `failover` does not use at present, with a small chat call. Status 200 is a success."""

from __future__ import annotations

import asyncio
import logging

import msgspec
from multidict import CIMultiDict

from aigw.core.env import Env
from aigw.core.errors import GatewayError, UpstreamError
from aigw.core.exchange import Exchange
from aigw.core.model import Request, Route
from aigw.dialects import apis
from aigw.dialects.table import dialect_of
from aigw.providers.bound import BoundProvider

log = logging.getLogger("aigw")


async def probe(provider: BoundProvider, env: Env) -> None:
    """Probes the unused tokens every `healthCheckInterval`, until it is cancelled."""
    failover = provider.config.failover
    while True:
        await env.sleep(failover.health_check_interval / 1000)
        for token in provider.tokens.removed:
            try:
                ok = await _answers(provider, token, env)
            except Exception:
                log.exception("a probe of '%s' failed", provider.name)
                ok = False
            provider.tokens.probed(token, ok)


async def _answers(provider: BoundProvider, token: str, env: Env) -> bool:
    failover = provider.config.failover
    question = {"model": failover.health_check_model, "messages": [{"role": "user", "content": "who are you?"}]}
    headers = CIMultiDict({"content-type": "application/json"})
    request = Request("POST", apis.PATHS[apis.CHAT], "", headers, msgspec.json.encode(question))
    exchange = Exchange(
        id=env.new_id(),
        request=request,
        route=Route(""),
        api=apis.CHAT,
        dialect=dialect_of(apis.CHAT),
        client="",
        arrived=env.clock.monotonic(),
        jobs=set(),
    )
    try:
        async with asyncio.timeout(failover.health_check_timeout / 1000):
            call = await provider.write(exchange, request, apis.CHAT, token, own=True)
            response = await env.upstream.send(call.request, call.target)
            await response.body.aclose()
            return response.status == 200
    except (UpstreamError, GatewayError, TimeoutError):
        return False

"""Finds out, for `aigw cache explain`, which chain a request would meet and what its cache would say. It needs no
gateway."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE
from aigw.core.exchange import Exchange
from aigw.core.model import Request, Route, Timeouts
from aigw.core.stores import Service
from aigw.dialects import apis, paths
from aigw.dialects.table import dialect_of
from aigw.pipeline.pipeline import behind_of, select
from aigw.plugins.ai_cache.contents import Contents
from aigw.plugins.ai_cache.trial import Explanation, last_miss, try_request
from aigw.rag.embedders import EmbedderTable
from aigw.server.knowledge import Knowledge, services_of
from aigw.server.route_index import RouteIndex
from aigw.server.routes import make_route


class NothingStoredError(LookupError):
    pass


Caches = Mapping[tuple[Service, str], Contents]
"""The contents of caches, by the store and the prefix that a configuration names."""


async def explain_last(caches: Caches) -> Explanation:
    """Raises NothingStoredError."""
    found = [each for contents in caches.values() if (each := await last_miss(contents)) is not None]
    if not found:
        raise NothingStoredError("nothing is stored, so that every request is a miss")
    return max(found, key=lambda each: each.created or 0.0)


async def explain_request(loaded: Loaded, caches: Caches, request: Request) -> Explanation:
    """Explains what the cache does with a request, in the form in which the request reaches the cache. Raises
    ValueError if no route takes the request."""
    if loaded.config.fidelity == "higress":
        raise ValueError("with fidelity: higress the key is the question alone; look for it with `aigw cache ls`")
    request.path, api, request.given = paths.read(request.path)
    route = _route_of(loaded, request)
    chosen = select(list(loaded.plugins.values()), route, _host(loaded, request))
    place = next((place for place, (plugin, _) in enumerate(chosen) if plugin.name == "ai-cache"), None)
    if place is None:
        return Explanation(status="bypass", reason=f"there is no ai-cache on the route {route.name!r}")
    plugin, index = chosen[place]
    cache = plugin.rules.configs[index]
    if cache.store is None:
        return Explanation(status="bypass", reason="this ai-cache has no store")
    exchange = Exchange(
        id="",
        request=request,
        route=route,
        api=api,
        dialect=dialect_of(api),
        client="",
        arrived=time.monotonic(),
        jobs=set(),
    )
    async with aclosing(Knowledge(loaded.state_dir, loaded.config.rag.store)) as knowledge:
        behind = behind_of(chosen[place + 1 :], route, services_of(loaded), knowledge.retrieval(EmbedderTable()))
        return await try_request(exchange, behind, caches[cache.service(), cache.prefix()], time.time())


def _route_of(loaded: Loaded, request: Request) -> Route:
    routes = loaded.config.routes or (DEFAULT_ROUTE,)
    position = RouteIndex([each.match for each in routes]).first(request, _host(loaded, request))
    if position is None:
        raise ValueError(f"no route matches POST {request.path}; name another with --path")
    return make_route(routes[position], loaded.services, Timeouts())


def _host(loaded: Loaded, request: Request) -> str:
    return loaded.hosts.host(request.headers["host"])


def make_request(body: bytes, path: str, headers: list[str]) -> Request:
    """The request of a body and of headers as curl takes them. Raises ValueError if these are not a request."""
    fields: CIMultiDict[str] = CIMultiDict({"host": "localhost", "content-type": "application/json"})
    for text in headers:
        name, colon, value = text.partition(":")
        if not colon:
            raise ValueError(f"--header {text!r} must look like NAME:VALUE")
        fields[name.strip()] = value.strip()
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ValueError(f"the request is no JSON object: {error}") from None
    path = path or apis.path_for(document)
    if not path:
        raise ValueError("the body has neither messages, prompt nor input; say where it goes with --path")
    path, _, query = path.partition("?")
    return Request("POST", path, query, fields, body)

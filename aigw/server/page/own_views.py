"""The views that the server itself has: figures, routes, and how to begin."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from aigw import __version__
from aigw.server.page.chains import chains
from aigw.server.page.first_steps import Beginning
from aigw.server.page.numbers import Numbers, limits
from aigw.server.page.requests import readable
from aigw.server.page.views import Inside, Views


def own_views(numbers: Numbers) -> Views:
    async def figures(inside: Inside, query: str) -> Any:
        since = parse_qs(query).get("since", ["24h"])[-1]
        told = await numbers.of(since, inside.env.clock.time())
        return {**told, "limits": await limits(inside)}

    async def routes(inside: Inside, query: str) -> Any:
        return await asyncio.to_thread(chains, inside.loaded)  # as long as routes and rules together

    async def start(inside: Inside, query: str) -> Any:
        url = readable(inside.url)
        path = inside.loaded.path
        found = {
            "url": url,
            "api": f"{url}/v1",
            "version": __version__,
            "config": str(path) if path is not None else "",
        }
        begin = await asyncio.to_thread(lambda: Beginning(inside.loaded).start(url))
        return {**found, **begin._asdict()}

    return Views({"numbers": figures, "routes": routes, "start": start})

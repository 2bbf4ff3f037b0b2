"""Google's own client of a gateway, where it is installed."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from stage.gateway import Gateway


class Google:
    """Calls block, so they run in a thread: `await Google(running)(lambda client: client.models.list())`."""

    def __init__(self, running: Gateway, version: str = "") -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a class that it derives from one of aiohttp's
            genai = pytest.importorskip("google.genai", reason="pip install google-genai")
        shape = {"api_version": version} if version else {}
        options = genai.types.HttpOptions(base_url=running.url, **shape)
        self._client = genai.Client(api_key="k", http_options=options)

    async def __call__(self, call: Callable[[Any], Any]) -> Any:
        return await asyncio.to_thread(call, self._client)

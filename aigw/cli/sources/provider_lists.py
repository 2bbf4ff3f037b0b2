"""Asks a provider for its list of models. It starts a gateway for that, so it takes the way of real requests."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from aigw.config.load import Loaded, load
from aigw.providers.config import ProviderConfig
from aigw.server.gateway import run
from aigw.upstream.proxied import upstream_for

T = TypeVar("T")
SECONDS = 3.0
"""How long a provider may take to begin its answer."""


async def asked_for_models(provider: ProviderConfig, loaded: Loaded, env: Mapping[str, str]) -> tuple[int, Any]:
    """Returns the status and the decoded JSON of the provider's answer, None if that is no JSON. `loaded` says where
    hosts are."""
    async with run(_alone(provider, loaded), upstream_for(env), grace=0.0) as running:
        return await _in_its_own_thread(_models, running.url)


async def _in_its_own_thread(read: Callable[[str], T], url: str) -> T:
    """Waits in a thread of its own, because the loop's few threads are needed to look up the hosts of providers."""
    thread = ThreadPoolExecutor(1, "models")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, read, url)
    finally:
        thread.shutdown(wait=False)


def _alone(provider: ProviderConfig, loaded: Loaded) -> Loaded:
    """A configuration with this provider only. Its tokens come from an environment, so that a `$` in them stays."""
    tokens = {f"TOKEN_{index}": token for index, token in enumerate(provider.api_tokens)}
    keys = {key: value for key, value in msgspec.to_builtins(provider).items() if value is not None}
    config = {
        "listen": "127.0.0.1:0",
        "services": loaded.config.services,
        "timeouts": {"connect": SECONDS, "first_byte": SECONDS, "idle": SECONDS},
        "plugins": {"ai-proxy": {"provider": {**keys, "apiTokens": [f"${{{name}}}" for name in tokens]}}},
    }
    return load(None, tokens, text=json.dumps(config).encode())


def _models(url: str) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=4 * SECONDS)
    try:
        connection.request("GET", "/v1/models")
        with connection.getresponse() as response:
            body = response.read()
    finally:
        connection.close()
    try:
        return response.status, json.loads(body)
    except ValueError:
        return response.status, None

"""Asks every provider for its list of models. It starts a gateway for that, so it takes the way of real requests."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from aigw.cli.doctor.check import Check
from aigw.cli.doctor.setup import providers
from aigw.config.load import Loaded, load
from aigw.providers.config import ProviderConfig
from aigw.server.gateway import run
from aigw.upstream.proxied import upstream_for

SECONDS = 3.0
"""How long a provider may take to begin its answer."""


async def ask_providers(loaded: Loaded, env: Mapping[str, str]) -> list[Check]:
    return list(await asyncio.gather(*(_ask(provider, loaded, env) for provider in providers(loaded))))


async def _ask(provider: ProviderConfig, loaded: Loaded, env: Mapping[str, str]) -> Check:
    name = provider.id or provider.type
    async with run(_alone(provider, loaded), upstream_for(env), grace=0.0) as running:
        status, answer = await asyncio.to_thread(_models, running.url)
    error = answer.get("error") if isinstance(answer, dict) else None
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    if status == 200:
        return Check("online", "ok", f"{name} answers")
    if status in (401, 403):
        return Check(
            "online", "problem", f"{name} refuses the key (status {status})", "see which key is set, and its rights"
        )
    if code.startswith("upstream_") and isinstance(error, dict):
        message = f"{name} cannot be reached: {error.get('message')}"
        return Check("online", "problem", message, "see network, proxy, and the address in the configuration")
    return Check("online", "note", f"{name} answers with status {status} when asked for its models")


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
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    try:
        return response.status, json.loads(body)
    except ValueError:
        return response.status, None

"""Asks every provider for its list of models, and says what became of that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aigw.cli.doctor.check import Check
from aigw.cli.doctor.setup import providers
from aigw.cli.sources.provider_lists import asked_for_models
from aigw.config.load import Loaded
from aigw.providers.config import ProviderConfig


async def ask_providers(loaded: Loaded, env: Mapping[str, str]) -> list[Check]:
    return list(await asyncio.gather(*(_ask(provider, loaded, env) for provider in providers(loaded))))


async def _ask(provider: ProviderConfig, loaded: Loaded, env: Mapping[str, str]) -> Check:
    name = provider.id or provider.type
    status, answer = await asked_for_models(provider, loaded, env)
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

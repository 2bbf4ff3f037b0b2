"""How a gateway starts: with a configuration file, or with the providers that it finds on the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from multidict import CIMultiDict

from aigw.clients.callout import CalloutError, fetch_json
from aigw.config.automatic import LISTEN, automatic, unused_keys
from aigw.config.load import Loaded, load
from aigw.core.model import Origin, Request, Target, Timeouts
from aigw.core.plugin import Description
from aigw.core.upstream import Upstream
from aigw.dialects.openai_models import ModelList

OLLAMA_PORT = 11434
FROM_ENVIRONMENT = "none: from the environment (`aigw init` writes a file)"
PROBE_SECONDS = 0.2
"""An Ollama on this machine answers within milliseconds, so the start waits no longer for one."""


async def load_or_discover(
    path: Path | None, env: Mapping[str, str], upstream: Upstream, listen: str | None
) -> tuple[Loaded, str]:
    """The configuration and where it came from. Raises ConfigError with all findings."""
    if path is not None:
        return load_file(path, env, listen), os.fspath(path)
    return load_found(await discover(env, upstream, listen), env, listen), FROM_ENVIRONMENT


def load_file(path: Path, env: Mapping[str, str], listen: str | None) -> Loaded:
    """The configuration of a file, on another address if one is given. Raises ConfigError with all findings."""
    return _listening(load(path, env), listen)


def load_found(text: str, env: Mapping[str, str], listen: str | None) -> Loaded:
    """A configuration that does not come from a file of the user: `discover` wrote it, or it is a recipe. Raises
    ConfigError with all findings."""
    loaded = _listening(load(None, env, text=text.encode()), listen)
    return replace(loaded, notes=[*loaded.notes, *_ollama_address(env)[1], *unused_keys(env)])


def _listening(loaded: Loaded, listen: str | None) -> Loaded:
    if listen is None:
        return loaded
    return replace(loaded, config=msgspec.structs.replace(loaded.config, listen=listen))


async def discover(env: Mapping[str, str], upstream: Upstream, listen: str | None) -> str:
    """Writes a configuration with the providers that it finds. It names keys as `${NAME}`. `listen` is the address of
    the gateway, if it is not the usual one."""
    address, _ = _ollama_address(env)
    models = await ollama_models(address, upstream)
    plugins = automatic(env, address if models is not None else None, models or (), listen or LISTEN)
    return msgspec.json.encode({"plugins": plugins}).decode()


def _ollama_address(env: Mapping[str, str]) -> tuple[tuple[str, int], list[str]]:
    """The address of Ollama, and what is wrong with the one in the environment."""
    try:
        return ollama_address(env), []
    except ValueError:
        return ollama_address({}), ["OLLAMA_HOST is ignored: it is not a host, host:port or URL"]


def ollama_address(env: Mapping[str, str]) -> tuple[str, int]:
    """Host and port from OLLAMA_HOST, which may be host, host:port or a URL, or Ollama's default. Raises ValueError."""
    given = env.get("OLLAMA_HOST", "")
    url = urlsplit(given if "://" in given else f"//{given}")
    host = url.hostname or "127.0.0.1"
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host, url.port or OLLAMA_PORT  # noqa: S104


async def ollama_models(address: tuple[str, int], upstream: Upstream) -> list[str] | None:
    """The models of a running Ollama, or None if no Ollama runs."""
    host, port = address
    target = Target(Origin("http", host, port), f"{host}:{port}", Timeouts(PROBE_SECONDS, PROBE_SECONDS, PROBE_SECONDS))
    request = Request("GET", "/v1/models", "", CIMultiDict())
    try:
        models = await fetch_json(upstream, request, target, PROBE_SECONDS, ModelList)
    except CalloutError:
        return None
    found = models.by_id()
    return list(found) if len(found) == len(models.data) else None


def describe(loaded: Loaded, url: str, origin: str, *, workers: int = 1) -> str:
    """The lines that a person reads when the gateway is ready."""
    found = described(loaded)
    providers = dict.fromkeys(name for each in found for name in each.providers)
    model = next((each.model for each in found if each.model), "MODEL")
    key = next((f" -H '{each.key_header}'" for each in found if each.key_header), "")
    body = f'{{"model":"{model}","messages":[{{"role":"user","content":"Hello!"}}]}}'
    return "\n".join(
        (
            f"aigw serves {url}/v1  (Ctrl-C stops it)",
            f"  configuration  {origin}",
            f"  providers      {', '.join(providers) or _without(loaded)}",
            f"  plugins        {', '.join(loaded.plugins) or 'none'}",
            f"  state          {loaded.state_dir}",
            *([f"  workers        {workers}"] if workers > 1 else []),
            "",
            f"  curl {url}/v1/chat/completions -H 'content-type: application/json'{key} -d '{body}'",
        )
    )


def described(loaded: Loaded) -> list[Description]:
    """What the plugins tell of their configurations."""
    plugins = loaded.plugins.values()
    return [each.about.describes(config) for each in plugins for config in each.rules.configs if config is not None]


def _without(loaded: Loaded) -> str:
    """What the gateway can do without a provider."""
    if any(route.upstream for route in loaded.config.routes):
        return "none: plain HTTP routes only"
    return "none, and no route has an upstream: nothing is answered without the plugin ai-proxy"

"""What a start without a configuration file uses: the providers whose keys are in the environment, a running Ollama,
and the models that need no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.config.services import parse_listen
from aigw.core.secrets import without_blanks
from aigw.providers.base_url import keys_for
from aigw.providers.environment import ENV_PROVIDERS
from aigw.upstream.builtin.engine import MODELS

BUILTIN = "builtin"
OLLAMA = "ollama"
LISTEN = "127.0.0.1:4700"
"""Where the gateway listens unless it is told otherwise."""


def automatic(
    env: Mapping[str, str], ollama: tuple[str, int] | None, ollama_models: Sequence[str], listen: str = LISTEN
) -> dict[str, Any]:
    """The plugins and their configurations, which name keys as `${NAME}`. `ollama` is the host and port of a running
    Ollama. `listen` is the address of the gateway. A key beside a base URL that cannot be used is not used."""
    providers: list[dict[str, Any]] = []
    by_model: dict[str, str] = {}
    for row in ENV_PROVIDERS:
        if without_blanks(env.get(row.variable, "")):
            try:
                moved = keys_for(row, env, parse_listen(listen))
            except ValueError:
                continue
            providers.append({"id": row.type, "type": row.type, "apiTokens": [f"${{{row.variable}}}"], **moved})
            for beginning in row.models:
                by_model.setdefault(f"{beginning}*", row.type)
    if ollama is not None:
        host, port = ollama
        providers.append({"id": OLLAMA, "type": OLLAMA, "ollamaServerHost": host, "ollamaServerPort": port})
        names = (name for model in ollama_models for name in (model, model.removesuffix(":latest")))
        by_model |= dict.fromkeys(names, OLLAMA)  # Ollama's own clients leave ":latest" out
    providers.append({"id": BUILTIN, "type": BUILTIN})
    by_model |= dict.fromkeys(MODELS, BUILTIN)
    proxy = {"providers": providers, "activeProviderId": providers[0]["id"], "byModel": by_model}
    return {"ai-statistics": {}, "ai-proxy": proxy}


def unused_keys(env: Mapping[str, str], listen: str = LISTEN) -> list[str]:
    """Says which keys of the environment are not used, and why."""
    said = []
    for row in ENV_PROVIDERS:
        if without_blanks(env.get(row.variable, "")):
            try:
                keys_for(row, env, parse_listen(listen))
            except ValueError as error:
                said.append(f"{row.variable} is not used: {error}")
    return said


CHATS = ("/chat/completions", "/messages", "/responses", "/completions")


def one_model(model: str) -> dict[str, Any]:
    """The plugin by which every chat asks for `model`, whatever it names, and its configuration."""
    return {"model-mapper": {"modelMapping": {"*": model}, "enableOnPathSuffix": list(CHATS)}}

"""What a start without a configuration file uses: the providers whose keys are in the environment, a running Ollama,
and the models that need no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.core.secrets import without_blanks
from aigw.providers.environment import ENV_PROVIDERS
from aigw.upstream.builtin.engine import MODELS

BUILTIN = "builtin"
OLLAMA = "ollama"


def automatic(env: Mapping[str, str], ollama: tuple[str, int] | None, ollama_models: Sequence[str]) -> dict[str, Any]:
    """The plugins and their configurations, which name keys as `${NAME}`. `ollama` is the host and port of a running
    Ollama."""
    providers: list[dict[str, Any]] = []
    by_model: dict[str, str] = {}
    for row in ENV_PROVIDERS:
        if without_blanks(env.get(row.variable, "")):
            providers.append({"id": row.type, "type": row.type, "apiTokens": [f"${{{row.variable}}}"]})
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
